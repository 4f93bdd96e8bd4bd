"""How often something may happen."""

from __future__ import annotations

import pytest

from devices.conditions.limit import Limit, Tally, parse
from devices.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("4 per hour", Limit(4)),
        ("0 per day", Limit(0, "day")),
        ("1 a minute", Limit(1, "minute")),
        ("2/hour", Limit(2)),
    ],
)
def test_a_limit_is_so_many_within_a_time(text, limit):
    assert parse(text) == limit
    assert parse(str(limit)) == limit


@pytest.mark.parametrize("text", ["", "4", "often", "-1 per hour", "4 per fortnight", "99999 per hour", "4.5 per hour"])
def test_what_is_no_limit_is_refused_with_an_example(text):
    with pytest.raises(ConfigurationError, match="4 per hour"):
        parse(text)


def test_each_thing_is_counted_apart_and_forgotten_after_a_day():
    tally, limit = Tally(), Limit(2)
    for at in (0, 1000):
        tally.note("washer", at)
    assert [tally.allows("washer", limit, at) for at in (1001, 3599, 3600)] == [False, False, True]
    assert tally.allows("dryer", limit, 1001)
    tally.undo("washer")
    assert tally.allows("washer", limit, 1001)
    tally.undo("nobody")
    tally.note("dryer", 90_000)
    assert (tally.count("washer", 86400, 90_000), tally.count("dryer", 86400, 90_000)) == (0, 1)
