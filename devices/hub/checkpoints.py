"""Makes a checkpoint's blob out of what the worker read and what the hub counts."""

from __future__ import annotations

import platform
import secrets
from dataclasses import dataclass

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from devices.hub.moment import now
from devices.protocol import checkpoint as blobs
from devices.protocol import limits, link
from devices.protocol.answers import Captured
from devices.protocol.checkpoint import ConsumedRecord, EngineRecord, Header, MailboxRecord, Output, Place
from devices.runtime.python import form

LARGE = limits.PART
"""Bytes from which work on a checkpoint is done in a thread, so that the other instances' messages are not held up."""


def new_id() -> str:
    """Returns a fresh id of a checkpoint: 48 random bits."""
    return secrets.token_hex(6)


@dataclass(slots=True, frozen=True, kw_only=True)
class Cut:
    """The hub's side of a checkpoint, read at the moment at which the worker's answer came.

    Attributes:
        number: of the capture, counted over all processes of the function here.
        frame: the worker's answer; ``None``: there is no worker, the image is the parent's.
        mailbox: the inputs.
        consumed: those that the state has had since its parent.
        outputs: those that are not confirmed.
        sequence: outputs that the state had made.
    """

    number: int
    frame: link.Captured | None
    mailbox: MailboxRecord
    consumed: ConsumedRecord
    outputs: list[Output]
    sequence: int


@dataclass(slots=True, frozen=True, kw_only=True)
class Made:
    """A checkpoint that was made here."""

    header: Header
    blob: bytes
    digest: str


def make(
    cut: Cut,
    parent: Header,
    *,
    hub: str,
    epoch: int,
    reason: str,
    key: Ed25519PrivateKey,
    packed: bytes,
    parent_id: str = "",
) -> Made:
    """Returns the checkpoint of a cut.

    Args:
        cut: what was read.
        parent: the header of the one before, which holds the code.
        hub: this hub's name.
        epoch: of the claim under which the function ran.
        reason: why it is taken.
        key: this hub's.
        packed: the parent's packed image, where the cut has none of its own.
        parent_id: of the checkpoint that it is a child of, if that is an older one.
    """
    place, engine, image, wait = parent.place, parent.engine, parent.image, parent.wait
    if cut.frame is not None:
        place = Place(line=cut.frame.line, statement=cut.frame.statement, frames=cut.frame.frames)
        engine = EngineRecord(
            name="python",
            normal_form=form.VERSION,
            python=platform.python_version(),
            implementation=platform.python_implementation(),
            packages=cut.frame.packages,
        )
        image, packed = blobs.pack_image(cut.frame.image)
        wait = cut.frame.wait
    header = Header(
        checkpoint=new_id(),
        instance=parent.instance,
        parent=parent_id or parent.checkpoint,
        epoch=epoch,
        created=now(),
        hub=hub,
        reason=reason,
        function=parent.function,
        engine=engine,
        place=place,
        mailbox=cut.mailbox,
        consumed=cut.consumed,
        outputs=cut.outputs,
        sequence=cut.sequence,
        image=image,
        wait=wait,
    )
    blob = blobs.encode(header, packed, key)
    return Made(header=header, blob=blob, digest=blobs.blob_digest(blob).hex())


def read(blob: bytes) -> tuple[Cut, Made]:
    """Returns what a checkpoint from the spool was made of, as far as it says."""
    header, _ = blobs.decode_header(blob)
    cut = Cut(
        number=0,
        frame=None,
        mailbox=header.mailbox,
        consumed=header.consumed or ConsumedRecord(arrivals=[]),
        outputs=header.outputs,
        sequence=header.sequence,
    )
    return cut, Made(header=header, blob=blob, digest=blobs.blob_digest(blob).hex())


def parts(blob: bytes) -> int:
    """Returns the number of parts in which a blob travels."""
    return -(-len(blob) // limits.PART)


def announcement(made: Made, cut: Cut, parts: int, phases: dict[str, float]) -> Captured:
    """Returns what the coordinator is told of a checkpoint."""
    header, place = made.header, made.header.place
    return Captured(
        hub=header.hub,
        instance=header.instance,
        epoch=header.epoch,
        checkpoint=header.checkpoint,
        parent=header.parent,
        reason=header.reason,
        parts=parts,
        size=len(made.blob),
        digest=made.digest,
        line=place.line if place else "",
        statement=place.statement if place else "",
        frames=place.frames if place else [],
        variables=cut.frame.variables if cut.frame else [],
        phases={name: round(span, 3) for name, span in phases.items()},
    )


def fit(told: Captured) -> Captured:
    """Returns an announcement that is no longer than a shown message may be: the largest variables, and how many more."""
    shown = told
    while len(msgspec.json.encode(shown)) > limits.SHOWN_MESSAGE and shown.variables:
        largest = sorted(shown.variables, key=lambda it: -it.size)[: len(shown.variables) // 2]
        shown = msgspec.structs.replace(shown, variables=largest)
    if len(msgspec.json.encode(shown)) > limits.SHOWN_MESSAGE:
        shown = msgspec.structs.replace(shown, frames=shown.frames[-20:], statement=shown.statement[:200])
    return shown
