"""Comparisons: what is one, what they hold of, and how a wrong one is told."""

from __future__ import annotations

import pytest

from devices.conditions.comparison import Comparison, parse, threshold
from devices.conditions.metrics import HUB, INSTANCE, Unit, hub_readings, instance_readings
from devices.errors import ConfigurationError
from devices.protocol.messages import HubMetrics, InstanceUse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hub.temperature > 75", Comparison("hub.temperature", ">", 75)),
        ("  hub.cpu>=90% ", Comparison("hub.cpu", ">=", 90)),
        ("hub.temperature < 65.5 °C", Comparison("hub.temperature", "<", 65.5)),
        ("hub.load <= -1", Comparison("hub.load", "<=", -1)),
        ("hub.memory_available < 200MB", Comparison("hub.memory_available", "<", 2e8)),
        ('hub.memory_available < "200MiB"', Comparison("hub.memory_available", "<", 200 * 1024 * 1024)),
        ("hub.memory_available < 1.5 gb", Comparison("hub.memory_available", "<", 1.5e9)),
    ],
)
def test_a_comparison_is_a_metric_an_operator_and_a_number_in_its_unit(text, expected):
    assert parse(text, HUB) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hub.temprature > 75", "did you mean hub.temperature?"),
        ("temperature > 75", "did you mean hub.temperature?"),
        ("nothing.like.it > 75", "there are hub.cpu"),
        ("hub.temperature", "no comparison"),
        ("", "no comparison"),
        ("hub.temperature = 75", "no comparison"),
        ("hub.temperature == 75", "equality"),
        ("hub.temperature != 75", "equality"),
        ("hub.temperature > hot", "no number"),
        ("hub.temperature > 12,5", "no number"),
        ("hub.temperature > nan", "no number"),
        ("hub.temperature > 1e3", "no number"),
        ("hub.temperature > " + "9" * 400, "beyond the range"),
        ("hub.temperature > 75MB", "'MB' is not a unit of this metric, which counts degrees Celsius"),
        ("hub.load > 5%", "write the bare number"),
        ("50 < hub.cpu < 80", "no metric"),
        ("hub.cpu > 90 and hub.load > 2", "no metric"),
    ],
)
def test_a_wrong_comparison_says_what_is_wrong_and_what_to_do(text, said):
    with pytest.raises(ConfigurationError) as caught:
        parse(text, HUB)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("sign", "held"), [(">", [False, False, True]), (">=", [False, True, True]), ("<", [True, False, False])]
)
def test_a_comparison_holds_on_its_side_of_the_threshold(sign, held):
    comparison = Comparison("hub.cpu", sign, 75)
    assert [comparison.test()(value) for value in (74.9, 75.0, 75.1)] == held


@pytest.mark.parametrize(
    ("when", "clear", "apart"),
    [
        (">75", "<65", True), (">75", "<75", True), (">75", "<=75", True), (">=75", "<=75", False),
        (">75", "<80", False), (">75", ">80", False), ("<20", ">=30", True), ("<20", ">10", False),
    ],
)  # fmt: skip
def test_two_comparisons_exclude_each_other_when_no_value_fulfils_both(when, clear, apart):
    first, second = parse(f"hub.cpu {when}", HUB), parse(f"hub.cpu {clear}", HUB)
    assert first.excludes(second) is apart
    assert second.excludes(first) is apart


def test_every_metric_of_a_hub_is_read_and_what_it_lacks_is_absent():
    metrics = HubMetrics(cpu=1, load=2, memory=75, memory_available=1_000_000_000, swap=5, disk=6, temperature=61.5)
    readings = hub_readings(metrics)
    assert set(HUB) - set(readings) == {"hub.battery", "hub.reserve"}
    assert readings["hub.temperature"] == 61.5
    assert all(isinstance(value, float) for value in readings.values())


def test_an_instances_share_of_memory_follows_from_what_its_hub_has_free():
    metrics = HubMetrics(cpu=1, load=2, memory=75, memory_available=1_000_000_000, swap=5, disk=6)
    readings = instance_readings(metrics, InstanceUse(cpu=99.5, memory=400_000_000))
    assert set(readings) == set(INSTANCE)
    assert readings["instance.memory_percent"] == pytest.approx(10)
    metrics.memory = 100
    assert "instance.memory_percent" not in instance_readings(metrics, InstanceUse(cpu=1, memory=1))


def test_a_threshold_in_bytes_takes_both_kinds_of_prefixes():
    assert [threshold(text, Unit.BYTES) for text in ("1KB", "1KiB", "1B", "1")] == [1000, 1024, 1, 1]


def test_the_reserve_is_the_battery_of_a_hub_that_runs_on_it():
    plain = {"cpu": 1, "load": 0, "memory": 1, "memory_available": 1, "swap": 0, "disk": 0}
    states = [(30.0, False), (30.0, None), (30.0, True), (None, False)]
    told = [hub_readings(HubMetrics(**plain, battery=battery, mains=mains)) for battery, mains in states]
    assert [readings.get("hub.reserve") for readings in told] == [30.0, 30.0, None, None]
