"""Blobs on their way up: bounds for what anybody on the broker may send."""

from __future__ import annotations

import time

import pytest

from coordinator.ingest.checkpoints import Uploads
from devices.errors import ProtocolError
from devices.protocol import limits
from devices.protocol.answers import Captured


def told(**changes) -> Captured:
    fields = {
        "hub": "hub-a", "instance": "washer", "epoch": 1, "checkpoint": "c1", "parent": "", "parts": 1, "size": 10,
        "digest": "00" * 32, "line": "",
    }  # fmt: skip
    return Captured(**(fields | changes))


@pytest.mark.parametrize("number", ["-1", "x", "1e3", "9999999", str(limits.BLOB // limits.PART), "\u0661"])
def test_a_part_beyond_the_largest_blob_is_refused(number):
    with pytest.raises(ProtocolError):
        Uploads().take_part("c1", number, b"x")


@pytest.mark.parametrize("size", [0, limits.PART + 1])
def test_a_part_of_an_impossible_size_is_refused(size):
    with pytest.raises(ProtocolError):
        Uploads().take_part("c1", "0", bytes(size))


def test_so_many_uploads_are_kept_and_the_oldest_gives_way():
    uploads = Uploads()
    for number in range(limits.UPLOADS + 1):
        uploads.take_part(f"c{number}", "0", b"x")
    assert not uploads.complete(told(checkpoint="c0"))
    assert uploads.complete(told(checkpoint="c1"))


def test_so_many_bytes_are_kept_and_the_oldest_gives_way(monkeypatch):
    monkeypatch.setattr(limits, "UPLOAD_BYTES", 1000)
    uploads = Uploads()
    for number in range(3):
        uploads.take_part(f"c{number}", "0", bytes(400))
    uploads.take_part("c2", "0", bytes(400))  # the same again is not counted twice
    assert [uploads.complete(told(checkpoint=f"c{number}")) for number in range(3)] == [False, True, True]


def test_what_was_begun_and_never_announced_expires():
    uploads = Uploads()
    uploads.take_part("c1", "0", b"x")
    uploads.expire(time.monotonic() + limits.UPLOAD - 1)
    assert uploads.complete(told())
    uploads.expire(time.monotonic() + limits.UPLOAD + 1)
    assert not uploads.complete(told())


async def test_parts_that_stop_coming_end_the_wait_with_their_count(monkeypatch):
    monkeypatch.setattr(limits, "UPLOAD", 0.05)
    uploads = Uploads()
    uploads.take_part("c1", "0", bytes(limits.PART))
    with pytest.raises(ProtocolError, match="1 of 2 parts"):
        await uploads.verified(told(parts=2, size=limits.PART + 1), b"")


@pytest.mark.parametrize(("parts", "size"), [(0, 0), (1, limits.PART + 1), (2, 10), (1, -5), (1025, limits.BLOB + 1)])
async def test_an_announcement_that_contradicts_itself_is_refused(parts, size):
    with pytest.raises(ProtocolError, match="bytes in"):
        await Uploads().verified(told(parts=parts, size=size), b"")
