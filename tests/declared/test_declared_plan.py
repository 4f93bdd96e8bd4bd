"""What would be done about a function, for each way in which it can be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from coordinator.declared.plan import Present, Wanted, gone, step
from devices.runtime.source import Source

CODE = Source("washer", {"washer.py": "one"})
OTHER = Source("washer", {"washer.py": "two"})
RENAMED = Source("laundry", {"laundry.py": "one"})
SAID = {"owner": "functions", "args": {"plug": "a"}, "settings": {"failover": "auto"}, "hub": ""}
WANTED = Wanted(owner="functions", source=CODE, function="washer", arguments={"plug": "a"}, declared=SAID)
RUNS = Present(
    state="running", wanted="running", hub="nas", reason="", branch=1, declared=SAID, function="washer",
    module="washer", digest=CODE.digest.hex(),
)  # fmt: skip
BY_HAND = replace(RUNS, declared={}, arguments={"plug": "a"})
PLAIN = {"owner": "functions", "args": {"plug": "a"}, "settings": {}, "hub": ""}


def declared(**changes):
    return {**SAID, **changes}


@pytest.mark.parametrize(
    ("wanted", "present", "action", "safe", "changes"),
    [
        (WANTED, None, "start", True, []),
        (WANTED, RUNS, "nothing", False, []),
        (replace(WANTED, source=RENAMED), RUNS, "nothing", False, []),
        (replace(WANTED, source=OTHER), RUNS, "upgrade", True, ["source"]),
        (replace(WANTED, function="dryer"), RUNS, "upgrade", True, ["source"]),
        (
            replace(WANTED, declared=declared(settings={"failover": "never"})),
            RUNS, "upgrade", True, ["failover 'auto' -> 'never'"],
        ),
        (
            replace(WANTED, declared=declared(settings={})),
            RUNS, "upgrade", True, ["failover 'auto' -> as in the source"],
        ),
        (replace(WANTED, declared=declared(hub="attic")), RUNS, "move", True, ["hub any -> attic"]),
        (
            replace(WANTED, declared=declared(args={"plug": "b"}), source=OTHER),
            RUNS, "choose", False, ["source", "argument plug 'a' -> 'b'"],
        ),
        (replace(WANTED, declared=declared(args={})), RUNS, "choose", False, ["argument plug 'a' -> as in the source"]),
        (replace(WANTED, source=OTHER), replace(RUNS, state="suspended"), "upgrade", False, ["source"]),
        # started by hand
        (replace(WANTED, declared=PLAIN), BY_HAND, "take over", True, []),
        (replace(WANTED, declared={**PLAIN, "hub": "attic"}), BY_HAND, "take over", True, ["hub any -> attic"]),
        (replace(WANTED, declared=PLAIN, source=OTHER), BY_HAND, "upgrade", False, ["source"]),
        (
            replace(WANTED, declared=PLAIN, arguments={"plug": "b"}),
            BY_HAND, "choose", False, ["argument plug 'a' -> 'b'"],
        ),
        (WANTED, BY_HAND, "upgrade", False, ["failover as in the source -> 'auto'"]),
        # somebody else's
        (WANTED, replace(RUNS, declared=declared(owner="cellar")), "refused", False, []),
        (WANTED, replace(RUNS, branch=2), "refused", False, []),
        # ended
        (WANTED, replace(RUNS, state="finished"), "nothing", False, []),
        (replace(WANTED, source=OTHER), replace(RUNS, state="finished"), "begin", False, ["source"]),
        (WANTED, replace(RUNS, state="failed", reason="KeyError"), "nothing", False, []),
        (replace(WANTED, source=OTHER), replace(RUNS, state="failed"), "mend", True, ["source"]),
        (
            replace(WANTED, declared=declared(args={})),
            replace(RUNS, state="failed"), "begin", False, ["argument plug 'a' -> as in the source"],
        ),
        (WANTED, replace(RUNS, state="stopped", wanted="stopped"), "begin", False, []),
        (WANTED, replace(RUNS, state="stopped", wanted="running"), "begin", True, []),
        (WANTED, replace(BY_HAND, state="stopped", wanted="stopped"), "begin", True, []),
        (WANTED, replace(BY_HAND, state="failed"), "begin", False, ["failover as in the source -> 'auto'"]),
    ],
)  # fmt: skip
def test_a_step_for_each_way_in_which_it_can_be(wanted, present, action, safe, changes):
    found = step(wanted, present)
    assert (found.action, found.safe, list(found.changes)) == (action, safe, changes), found
    assert found.why


def test_a_number_that_becomes_another_kind_of_number_is_a_change():
    found = step(
        replace(WANTED, declared=declared(args={"plug": 1.0})), replace(RUNS, declared=declared(args={"plug": 1}))
    )
    assert found.changes == ("argument plug 1 -> 1.0",)


def test_what_is_declared_no_more_is_stopped_only_by_a_person():
    found = gone(RUNS)
    assert (found.action, found.safe) == ("stop", False)
    assert gone(replace(RUNS, state="finished")).action == "nothing"
