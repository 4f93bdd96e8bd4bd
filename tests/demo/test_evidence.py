"""The demo's proof counts what the broker heard, and cannot be pleased by anything else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coordinator.cli.evidence import Evidence, Reading, holds, same_json
from coordinator.cli.replay import replay
from devices.errors import SourceError
from devices.mqtt.delivery import Delivery
from devices.protocol.messages import MoveReport

MOVE = MoveReport(
    move="m", instance="house", source="hub-a", destination="hub-b", state="done", reason="hot",
    bytes=1900, downtime_ms=16.0,
)  # fmt: skip


def heard(topic: str, payload: object, *, retain: bool = False) -> Delivery:
    data = json.dumps(payload).encode()
    return Delivery(topic=topic, payload=data, qos=0, retain=retain, duplicate=False, packet_id=0)


def reading_of(delivery: Delivery) -> Reading | None:
    return ("plug", json.loads(delivery.payload)) if delivery.topic == "plug" else None


def evidence(sent: list[int], applied: list[int]) -> Evidence:
    made = Evidence(reading_of, "report")
    for number in sent:
        made.take(heard("plug", number))
    for number in applied:
        made.take(heard("report", {"applied": [["plug", number]]}))
    return made


def holds_for(sent: list[int], applied: list[int], *, moves: int = 1, result: object = 1, unmoved: object = 1) -> bool:
    made = evidence(sent, applied)
    proof = made.proof(moves=[MOVE] * moves, result=result, unmoved=unmoved, lineage=[], broker="mosquitto")
    return holds(proof)


def test_everything_applied_once_is_proof() -> None:
    assert holds_for([1, 2, 3], [1, 2, 3])


@pytest.mark.parametrize(
    ("sent", "applied"),
    [([1, 2, 3], [1, 3]), ([1, 2, 3], [1, 2, 2, 3]), ([1, 2, 3], [1, 2, 2]), ([1, 2], [1, 2, 3]), ([], [])],
    ids=["missing", "twice", "one missing and one twice", "never sent", "nothing"],
)
def test_a_number_missing_twice_or_never_sent_is_no_proof(sent: list[int], applied: list[int]) -> None:
    assert not holds_for(sent, applied)


def test_without_a_move_or_with_another_result_there_is_no_proof() -> None:
    assert not holds_for([1], [1], moves=0)
    assert not holds_for([1], [1], result={"total": 1.0}, unmoved={"total": 1.1})


def test_what_the_broker_kept_from_before_is_not_counted() -> None:
    made = Evidence(reading_of, "report")
    made.take(heard("plug", 1, retain=True))
    made.take(heard("report", {"applied": [["plug", 1]]}, retain=True))
    assert not made.sent
    assert not made.applied


def test_results_are_compared_as_json() -> None:
    assert same_json({"a": (1, 2)}, {"a": [1, 2]})
    assert not same_json({"a": 0.1 + 0.2}, {"a": 0.3})


FUNCTION = """
from midstream import ctx, function

@function
def total(stop: int):
    added = 0.0
    for message in ctx.subscribe("plug/+", "other/#"):
        added += message.number()
        ctx.status("adding", added=added)
        ctx.publish("report", {"added": added})
        if added >= stop:
            return {"added": added, "last": message.topic}
"""


def test_the_unmoved_run_is_the_file_itself_as_plain_python(tmp_path: Path) -> None:
    file = tmp_path / "total.py"
    file.write_text(FUNCTION)
    messages = [heard("plug/a", 1), heard("elsewhere", 100), heard("plug/b", 2), heard("plug/a", 4)]
    assert replay(file, "total", {"stop": 3}, messages) == {"added": 3.0, "last": "plug/b"}


def test_a_file_without_the_function_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.py").write_text("")
    with pytest.raises(SourceError, match="total"):
        replay(tmp_path / "empty.py", "total", {}, [])
