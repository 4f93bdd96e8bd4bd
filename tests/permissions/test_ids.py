"""Local numbers come from the range, are nobody's, and stay."""

from __future__ import annotations

import grp
import pwd

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.errors import ConfigurationError, RefusedError
from devices.permissions.ids import Local, Mapping, Range, assign

names = st.frozensets(st.sampled_from("abcdef"))


@pytest.mark.parametrize("text", ["", "1900000000", "5-4", "0-10", "1000-4294967295", "a-b", "-1-5", "1000-2000-3000"])
def test_what_is_no_range_is_refused(text):
    with pytest.raises(ConfigurationError):
        Range.parse(text)


def test_a_range_is_two_numbers():
    assert Range.parse("1900000000-1900009999") == (1_900_000_000, 1_900_009_999)


@given(packages=st.lists(st.tuples(names, names), max_size=5), taken=st.sets(st.integers(5000, 5030)))
@settings(max_examples=50, deadline=None)
def test_numbers_are_free_differ_and_stay_over_packages(packages, taken):
    here, known = Local(taken, subordinate=()), Mapping()
    for roles, groups in packages:
        before = known
        known = assign(known, roles=roles, groups=groups, allowed=Range(5000, 5060), here=here)
        assert set(known.roles) >= roles
        assert set(known.groups) >= groups
        assert before.roles.items() <= known.roles.items()
        assert before.groups.items() <= known.groups.items()
        assert len(known.numbers()) == len(known.roles) + len(known.groups)
        assert not known.numbers() & taken


def test_users_groups_and_ranges_of_subordinate_ids_of_this_machine_are_somebodys(tmp_path):
    (tmp_path / "subuid").write_text("anna:200000:65536\n# no line\nbroken:x:y\nnone:5:0\n")
    here = Local(subordinate=(tmp_path / "subuid", tmp_path / "none"))
    assert here.has(pwd.getpwall()[-1].pw_uid)
    assert here.has(grp.getgrall()[-1].gr_gid)
    assert [here.has(number) for number in (199_999, 200_000, 265_535, 265_536)] == [False, True, True, False]


def test_users_that_are_known_one_by_one_and_listed_nowhere_are_somebodys(monkeypatch):
    real = pwd.getpwuid
    monkeypatch.setattr(pwd, "getpwuid", lambda number: real(0) if number == 1_900_000_000 else real(number))
    found = assign(
        Mapping(), roles=["a"], groups=[], allowed=Range(1_900_000_000, 1_900_000_001), here=Local(subordinate=())
    )
    assert found.roles == {"a": 1_900_000_001}


def test_a_range_without_a_free_number_is_said_with_the_remedy():
    with pytest.raises(RefusedError, match="a larger range"):
        assign(Mapping(), roles=["a", "b"], groups=[], allowed=Range(5000, 5000), here=Local(subordinate=()))


def test_a_number_that_had_to_be_given_up_is_given_to_nobody_else():
    known = Mapping(roles={"a": 5000}, groups={})
    found = assign(known, roles=["a", "b"], groups=[], allowed=Range(5000, 5009), here=Local({5000}, subordinate=()))
    assert found.roles == {"a": 5001, "b": 5002}
