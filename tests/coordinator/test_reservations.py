"""What was promised to a hub counts until its metrics show it."""

from __future__ import annotations

import pytest

from coordinator.placement.reservations import LASTS, NOTHING, Promise, Reservations, Size, Tenant, expected
from devices.protocol.messages import InstanceUse

SIZE = Size(3 * 10**8, 0.5)


def unmeasured(_hub: str, _instance: str) -> None:
    return None


def shows(memory: int, cpu: float):
    return lambda hub, instance: InstanceUse(cpu=cpu, memory=memory) if (hub, instance) == ("nas", "x") else None


def test_a_promise_counts_from_the_choice_until_metrics_show_the_function():
    kept = Reservations()
    kept.promise("x", "nas", SIZE, at=0.0)
    assert kept.promised([], unmeasured, 1.0) == {"nas": Promise(1, 3 * 10**8, 0.5)}
    assert kept.promised([], shows(10**8, 20.0), 2.0) == {}
    assert kept.promised([], unmeasured, 3.0) == {}


def test_what_a_function_asks_for_and_does_not_use_yet_stays_counted():
    tenants = [Tenant("x", "nas", SIZE), Tenant("y", "pi", Size())]
    owed = Reservations().promised(tenants, shows(10**8, 20.0), 0.0)
    assert owed["nas"].memory == 2 * 10**8
    assert owed["nas"].cpu == pytest.approx(0.3)
    assert owed["pi"] == Promise(1)
    assert Reservations().promised(tenants, shows(9 * 10**8, 99.0), 0.0)["nas"] == Promise(1)


def test_a_function_counts_once_and_not_against_itself():
    kept = Reservations()
    kept.promise("x", "nas", SIZE, at=0.0)
    on_the_way = [Tenant("x", "nas", SIZE)]
    assert kept.promised(on_the_way, unmeasured, 1.0) == {"nas": Promise(1, 3 * 10**8, 0.5)}
    assert kept.promised(on_the_way, unmeasured, 1.0, but="x").get("nas", NOTHING) == NOTHING


def test_a_promise_follows_the_function_and_ends_with_its_move_or_in_time():
    kept = Reservations()
    kept.promise("no name yet", "nas", SIZE, at=0.0)
    kept.named("no name yet", "x")
    kept.arrived("x", "pi", at=50.0)
    assert kept.promised([], unmeasured, LASTS + 1) == {"pi": Promise(1, 3 * 10**8, 0.5)}
    assert kept.promised([], unmeasured, 50.0 + LASTS) == {}
    kept.promise("x", "nas", SIZE, at=0.0)
    kept.release("x")
    assert kept.promised([], unmeasured, 1.0) == {}


def test_more_is_promised_to_a_function_that_uses_more_than_it_asks_for():
    assert expected(SIZE, InstanceUse(cpu=120.0, memory=10**8)) == Size(3 * 10**8, 1.2)
    assert expected(SIZE, None) == SIZE
