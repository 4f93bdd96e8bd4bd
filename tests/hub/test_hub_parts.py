"""The small parts of a hub, each alone: states, worker links, parts of checkpoints, back-off, late mail."""

from __future__ import annotations

import asyncio
import base64
import itertools
import typing

import pytest

from devices.errors import DamagedError, MidstreamError, ProtocolError
from devices.hub import downloads as downloads_module
from devices.hub.backoff import Backoff
from devices.hub.downloads import Downloads
from devices.hub.handover import late_pieces
from devices.hub.lifecycle import CHANGES, ENDED, may_follow
from devices.hub.moment import seconds
from devices.hub.workers import Workers, how_it_ended
from devices.mqtt.delivery import Delivery
from devices.protocol import limits, link
from devices.protocol.checkpoint import FunctionRecord, blob_digest
from devices.protocol.messages import InstanceStateName


def test_every_state_of_the_protocol_has_its_row():
    states = set(typing.get_args(InstanceStateName))
    assert set(CHANGES) == states
    assert set().union(*CHANGES.values()) <= states
    assert all(not CHANGES[state] or state == "failed" for state in ENDED)


def test_what_is_released_only_starts_anew_or_stops():
    assert may_follow("held", "moving")
    assert not may_follow("moving", "running")
    assert CHANGES["moving"] == {"starting", "stopped"}


def test_every_state_can_be_reached_and_left_for_an_end():
    reached = {"starting"}
    for _ in CHANGES:
        reached |= set().union(*(CHANGES[state] for state in reached))
    assert reached == set(CHANGES)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (3, "ended by itself with exit status 3"),
        (-9, "was killed (SIGKILL), as the system does when memory runs out"),
        (-11, "crashed (SIGSEGV)"),
        (-15, "was ended (SIGTERM)"),
        (-200, "signal 200"),
    ],
)
def test_an_exit_status_is_told_in_words(status: int, words: str):
    assert words in how_it_ended(status)


def test_back_off_grows_to_its_bound_and_starts_over():
    backoff = Backoff(longest=1.0)
    waits = [backoff.next() for _ in range(10)]
    assert 0.07 < waits[0] <= 0.1
    assert all(0.75 <= wait <= 1.0 for wait in waits[5:])
    backoff.reset()
    assert backoff.next() <= 0.1


# Workers ----------------------------------------------------------------------------------------------------------------


async def test_large_and_small_frames_come_whole_and_in_order():
    source = """
from midstream import ctx, function

@function
def loud():
    for size in (1, 200_000, 3, 1_000_000, 2):
        ctx.publish("t", b"x" * size)
"""
    function = FunctionRecord(name="loud", module="m", files={"m.py": source}, digest=b"", arguments={}, settings={})
    frames: list[link.ToHub] = []
    async with Workers() as workers:
        worker = await workers.loaded(function)
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def take(frame: link.ToHub) -> None:
            frames.append(frame)
            if isinstance(frame, link.Returned):
                ended.set_result(None)

        worker.on_frame = take
        worker.send(link.Begin(instance="i", hub="h", epoch=1, timezone="UTC", function="loud"))
        async with asyncio.timeout(30):
            await ended
        sizes = [len(frame.payload) for frame in frames if isinstance(frame, link.Publish)]
        assert sizes == [1, 200_000, 3, 1_000_000, 2]
        worker.close()


async def test_a_worker_whose_code_cannot_be_used_says_why():
    function = FunctionRecord(
        name="f", module="m", files={"m.py": "import nothing_of_that_name\n"}, digest=b"", arguments={}, settings={}
    )
    async with Workers() as workers:
        with pytest.raises(MidstreamError, match="nothing_of_that_name"):
            await workers.loaded(function)


async def test_a_function_that_goes_on_twice_from_one_place_is_compiled_there_once():
    source = "from midstream import ctx, function\n\n@function\ndef waits():\n    ctx.next()\n"
    function = FunctionRecord(name="waits", module="m", files={"m.py": source}, digest=b"", arguments={}, settings={})
    begin = {"instance": "i", "hub": "h", "epoch": 1, "timezone": "UTC", "function": "waits"}

    async def begun(image: bytes | None) -> tuple[link.Started, link.Captured]:
        frames: asyncio.Queue[link.ToHub] = asyncio.Queue()
        worker = await workers.loaded(function)
        worker.on_frame = frames.put_nowait
        worker.send(link.Begin(**begin, image=image))
        started, pull = await frames.get(), await frames.get()
        assert isinstance(pull, link.Pull)
        worker.capture(link.Capture(number=1, hold=True))
        captured = await frames.get()
        worker.close()
        return started, captured

    async with Workers() as workers, asyncio.timeout(30):
        _, captured = await begun(None)
        first, captured_again = await begun(captured.image)
        second, _ = await begun(captured.image)
        third, _ = await begun(captured_again.image)
    assert first.rests
    assert second.rests == third.rests == b""


# Downloads --------------------------------------------------------------------------------------------------------------


def blob_of(parts: int) -> bytes:
    return b"".join(bytes([number]) * limits.PART for number in range(parts - 1)) + b"end"


def give(downloads: Downloads, blob: bytes, order=None, checkpoint: str = "c") -> None:
    parts = [blob[start : start + limits.PART] for start in range(0, len(blob), limits.PART)]
    for number in order or range(len(parts)):
        downloads.take_part(checkpoint, str(number), parts[number])


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_parts_come_in_any_order_and_twice(order):
    downloads, blob = Downloads(), blob_of(3)
    give(downloads, blob, [*order, order[0]])
    assert await downloads.whole("c", len(blob), blob_digest(blob).hex()) == blob


async def test_parts_may_come_before_or_after_somebody_asks():
    downloads, blob = Downloads(), blob_of(2)
    give(downloads, blob, [0])
    asked = asyncio.create_task(downloads.whole("c", len(blob), blob_digest(blob).hex()))
    await asyncio.sleep(0)
    give(downloads, blob, [1])
    assert await asked == blob


async def test_an_altered_checkpoint_is_refused():
    downloads, blob = Downloads(), blob_of(2)
    give(downloads, blob)
    with pytest.raises(DamagedError, match="cut short or altered"):
        await downloads.whole("c", len(blob), blob_digest(b"other").hex())


async def test_parts_that_stop_coming_are_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(downloads_module, "_ARRIVES", 0.05)
    downloads, blob = Downloads(), blob_of(3)
    give(downloads, blob, [0, 2])
    with pytest.raises(ProtocolError, match="2 of 3 parts"):
        await downloads.whole("c", len(blob), blob_digest(blob).hex())


@pytest.mark.parametrize(
    ("number", "payload"), [("x", b"1"), ("-1", b"1"), ("9999999", b"1"), ("0", b""), ("2000", b"1")]
)
def test_what_is_no_part_is_refused(number: str, payload: bytes):
    with pytest.raises(ProtocolError):
        Downloads().take_part("c", number, payload)


def test_what_nobody_asks_for_is_bounded():
    downloads = Downloads()
    for number in range(3 * limits.UPLOADS):
        downloads.take_part(f"c{number}", "0", b"x")
    assert len(downloads._downloads) <= limits.UPLOADS


# Late mail --------------------------------------------------------------------------------------------------------------


def late(payload: bytes, at: float = 0.0) -> tuple[Delivery, float]:
    return Delivery("t", payload, 0, retain=False, duplicate=False, packet_id=0), at


def test_no_late_mail_is_one_empty_piece():
    assert late_pieces([]) == [[]]


def test_late_mail_is_cut_into_pieces_that_people_can_look_at():
    pieces = late_pieces([late(bytes([number]) * 5000) for number in range(10)])
    assert [len(piece) for piece in pieces] == [2, 2, 2, 2, 2]
    assert [base64.b64decode(message.payload)[0] for message in itertools.chain(*pieces)] == list(range(10))


def test_late_mail_keeps_the_moment_at_which_it_arrived():
    ((message,),) = late_pieces([late(b"x", 1_795_000_000.25)])
    assert message.at == "2026-11-18T11:06:40.250Z"
    assert seconds(message.at) == 1_795_000_000.25


def test_a_moment_that_is_none_is_refused():
    with pytest.raises(ProtocolError, match="no moment"):
        seconds("yesterday")


def test_a_late_message_that_is_larger_than_a_piece_travels_alone():
    assert [len(piece) for piece in late_pieces([late(b"a"), late(b"b" * 50_000), late(b"c")])] == [1, 1, 1]
