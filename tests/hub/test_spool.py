"""What a hub keeps is whole when it says so, and what is damaged is set aside and named."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from devices.errors import ConfigurationError, RefusedError
from devices.hub.identity import count_start, require_alone
from devices.hub.spool import Claimed, Ended, InstanceSpool, Released, Spool, Suspended
from devices.protocol import checkpoint as blobs
from devices.protocol.checkpoint import EngineRecord, FunctionRecord, Header, MailboxRecord
from devices.protocol.messages import Claim

KEY = Ed25519PrivateKey.generate()


def blob_of(checkpoint: str, image: bytes = b"image", epoch: int = 1) -> bytes:
    record, packed = blobs.pack_image(image)
    header = Header(
        checkpoint=checkpoint,
        instance="washer",
        parent="",
        epoch=epoch,
        created="2026-11-25T00:00:00Z",
        hub="hub-a",
        reason="test",
        function=FunctionRecord(name="f", module="m", files={"m.py": ""}, digest=b"\0" * 32, arguments={}, settings={}),
        engine=EngineRecord(name="python", normal_form=1, python="3.11", implementation="cpython"),
        place=None,
        mailbox=MailboxRecord(subscriptions=[], unread=[], repeats=[], arrivals=0, delivered=0, dropped=0),
        outputs=[],
        sequence=0,
        image=record,
    )
    return blobs.encode(header, packed, KEY)


def claimed(epoch: int = 1) -> Claimed:
    return Claimed(claim=Claim(instance="washer", epoch=epoch, hub="hub-a", checkpoint="c1", signed="x" * 300))


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


@pytest.fixture
def washer(spool: Spool) -> InstanceSpool:
    return spool.instance("washer")


def test_a_restart_finds_the_newest_claim_and_checkpoint(spool: Spool, washer: InstanceSpool):
    washer.note(claimed(1))
    washer.keep("c1", blob_of("c1"))
    washer.note(claimed(2))
    washer.keep("c2", blob_of("c2"))
    _, recovered = Spool(spool.folder).recover()["washer"]
    assert recovered.claim.claim.epoch == 2
    assert recovered.verdict is None
    assert recovered.checkpoint is not None
    assert recovered.checkpoint[0].checkpoint == "c2"
    assert recovered.checkpoint[1] == washer.read("c2")


@pytest.mark.parametrize(
    "verdict",
    [
        Suspended(epoch=1, checkpoint="c1"),
        Released(epoch=1, move="m", checkpoint="c1", disconnected=True),
        Ended(epoch=1, answer="{}"),
    ],
)
def test_a_verdict_counts_until_a_newer_claim(spool: Spool, washer: InstanceSpool, verdict):
    washer.note(claimed(1))
    washer.note(verdict)
    assert Spool(spool.folder).recover()["washer"][1].verdict == verdict
    washer.note(claimed(2))
    assert Spool(spool.folder).recover()["washer"][1].verdict is None


def test_checkpoints_stay_until_a_newer_one_is_stored(washer: InstanceSpool):
    for name in ("c1", "c2", "c3"):
        washer.keep(name, blob_of(name))
    washer.forget_older_than("c2")
    assert washer.read("c1") is None
    assert washer.read("c2")
    assert washer.read("c3")
    washer.forget_older_than("unknown")
    assert washer.read("c2")


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b[:-3] + b"abc", lambda _: b"x"])
def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_it_taken(spool: Spool, washer: InstanceSpool, damage):
    washer.note(claimed())
    washer.keep("c1", blob_of("c1"))
    washer.keep("c2", blob_of("c2"))
    newest = washer.folder / "0000000002.checkpoint"
    newest.write_bytes(damage(newest.read_bytes()))
    again = Spool(spool.folder)
    _, recovered = again.recover()["washer"]
    assert recovered.checkpoint is not None
    assert recovered.checkpoint[0].checkpoint == "c1"
    assert "washer" in again.damaged[0]
    assert "set aside" in again.damaged[0]
    assert not newest.exists()


def test_half_a_line_at_the_journals_end_was_never_promised(spool: Spool, washer: InstanceSpool):
    washer.note(claimed(1))
    with (washer.folder / "journal").open("ab") as file:
        file.write(b"12345678 {half")
    again = Spool(spool.folder)
    assert again.recover()["washer"][1].claim.claim.epoch == 1
    assert again.damaged == []


def test_an_altered_line_is_named_and_nothing_behind_it_believed(spool: Spool, washer: InstanceSpool):
    for epoch in (1, 2, 3):
        washer.note(claimed(epoch))
    journal = washer.folder / "journal"
    journal.write_bytes(journal.read_bytes().replace(b'"epoch":2', b'"epoch":9'))
    again = Spool(spool.folder)
    assert again.recover()["washer"][1].claim.claim.epoch == 1
    assert "line 2: its checksum does not fit" in again.damaged[0]


def test_a_long_journal_is_cut_to_what_counts(washer: InstanceSpool):
    for epoch in range(400):
        washer.note(claimed(epoch))
        washer.note(Suspended(epoch=epoch, checkpoint="c"))
    assert (washer.folder / "journal").stat().st_size <= 64 * 1024
    recovered = washer.recover(lambda path, why: pytest.fail(f"{path}: {why}"))
    assert recovered is not None
    assert recovered.claim.claim.epoch == 399
    assert recovered.verdict == Suspended(epoch=399, checkpoint="c")


def test_bytes_written_are_counted(spool: Spool, washer: InstanceSpool):
    washer.keep("c1", blob := blob_of("c1"))
    assert spool.written == len(blob)
    washer.note(claimed())
    assert spool.written > len(blob) + 300


def test_a_removed_instance_is_gone(spool: Spool, washer: InstanceSpool):
    washer.note(claimed())
    washer.remove(epoch=1)
    assert Spool(spool.folder).recover() == {}


def test_an_instance_that_has_come_back_is_not_removed_by_its_former_life(spool: Spool, washer: InstanceSpool):
    washer.note(claimed(1))
    spool.instance("washer").note(claimed(2))
    washer.remove(epoch=1)
    assert Spool(spool.folder).recover()["washer"][1].claim.claim.epoch == 2


def test_a_name_that_was_made_ready_and_not_used_is_no_checkpoint(spool: Spool, washer: InstanceSpool):
    washer.note(claimed())
    washer.keep("c1", blob_of("c1"))
    washer.make_ready()
    again = Spool(spool.folder)
    _, recovered = again.recover()["washer"]
    assert recovered.checkpoint is not None
    assert recovered.checkpoint[0].checkpoint == "c1"
    assert again.damaged == []


def test_starts_are_counted_over_starts(tmp_path: Path):
    assert [count_start(tmp_path) for _ in range(3)] == [1, 2, 3]
    (tmp_path / "starts").write_bytes(b"x")
    with pytest.raises(ConfigurationError, match="cannot be counted"):
        count_start(tmp_path)


def test_a_folder_serves_one_agent(tmp_path: Path):
    import os

    held = require_alone(tmp_path)
    with pytest.raises(RefusedError, match="another agent"):
        require_alone(tmp_path)
    os.close(held)
    os.close(require_alone(tmp_path))
