"""What the topics say becomes a picture, and the picture becomes a view."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from coordinator.cli import live
from coordinator.cli.picture import Picture
from coordinator.cli.trees import lineage_tree
from coordinator.views.answers import CheckpointRow
from devices.mqtt.delivery import Delivery
from devices.protocol import messages


def said(topic: str, message: messages.Message | None) -> Delivery:
    payload = messages.encode(message) if message is not None else b""
    return Delivery(topic=topic, payload=payload, qos=0, retain=False, duplicate=False, packet_id=0)


def metrics(temperature: float) -> messages.HubMetrics:
    return messages.HubMetrics(
        cpu=41.0, load=0.5, memory=62.0, memory_available=10**9, swap=0.0, disk=20.0, temperature=temperature
    )


@pytest.fixture
def picture() -> Picture:
    made = Picture("midstream")
    made.take(said("midstream/coordinator/status", messages.CoordinatorStatus(state="online", attention=["look here"])))
    made.take(said("midstream/hubs/hub-a/status", messages.HubStatus(state="online", boot="b", start=1)))
    for temperature in (50.0, 70.0, 82.0):
        made.take(said("midstream/hubs/hub-a/metrics", metrics(temperature)))
    state = messages.InstanceState(
        state="running", function="washer", hub="hub-a", epoch=1, line="washer.py:9", waiting="tele/washer/SENSOR"
    )
    made.take(said("midstream/instances/washer/state", state))
    made.take(
        said("midstream/events/hot", messages.Event(id="e", at="2026-11-25T02:14:00Z", rule="hot", did="migrate"))
    )
    return made


def drawn(picture: Picture, width: int, height: int = 24) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=False)
    console.print(live.view(picture, title="mosquitto", footer=["q leaves"], height=height))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return text.splitlines()


def test_the_view_shows_hub_function_attention_and_event(picture: Picture) -> None:
    text = "\n".join(drawn(picture, 140))
    for word in ("hub-a", "82.0 °C", "washer.py:9", "tele/washer/SENSOR", "look here", "hot", "migrate", "q leaves"):
        assert word in text


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_line_of_the_view_is_wider_than_the_terminal(picture: Picture, width: int) -> None:
    assert max(map(len, drawn(picture, width))) <= width


@pytest.mark.parametrize("height", [12, 24, 50])
def test_the_view_with_a_hundred_events_is_no_higher_than_the_terminal(picture: Picture, height: int) -> None:
    for number in range(100):
        event = messages.Event(id=str(number), at="2026-11-25T02:14:00Z", rule="hot", did=f"number {number}")
        picture.take(said("midstream/events/hot", event))
    lines = drawn(picture, 120, max(height, 16))
    assert len(lines) <= max(height, 16)
    assert any("number 99" in line for line in lines)


def test_a_malformed_message_is_counted_and_changes_nothing(picture: Picture) -> None:
    before = picture.instances["washer"]
    picture.take(
        Delivery(
            topic="midstream/instances/washer/state", payload=b"{", qos=0, retain=False, duplicate=False, packet_id=0
        )
    )
    assert picture.malformed == 1
    assert picture.instances["washer"] == before


def test_a_cleared_state_takes_the_instance_out_of_the_picture(picture: Picture) -> None:
    picture.take(said("midstream/instances/washer/state", None))
    assert not picture.instances


def test_a_sparkline_rises_with_its_values() -> None:
    assert live.sparkline([40, 50, 60, 70, 80], 40, 80, 5).plain == "▁▃▅▆█"


def row(checkpoint: str, parent: str, branch: int = 1, *, newest: bool = False) -> CheckpointRow:
    return CheckpointRow(
        checkpoint=checkpoint, parent=parent, instance="washer" if branch == 1 else f"washer~{branch}", branch=branch,
        epoch=1, hub="hub-a", created="2026-11-25T02:14:00Z", reason="policy", bytes=1940, line="washer.py:9",
        statement="x = 1", newest=newest,
    )  # fmt: skip


def test_a_chain_of_checkpoints_stays_at_one_depth_and_a_branch_goes_deeper() -> None:
    chain = [row("c0", "")] + [row(f"c{n}", f"c{n - 1}") for n in range(1, 300)]
    branch = [row("b0", "c10", 2), row("b1", "b0", 2, newest=True)]
    console = Console(file=io.StringIO(), width=200, force_terminal=False)
    console.print(lineage_tree("washer", [*chain, *branch]))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    depth = {line.split()[-len(line.split()) + line.split().index(word)]: line.index(word)
             for line in lines for word in line.split() if word[0] in "cb" and word[1:].isdecimal()}  # fmt: skip
    assert depth["c299"] == depth["c0"]
    assert depth["b0"] == depth["b1"] > depth["c10"]
    assert len(depth) == 302
