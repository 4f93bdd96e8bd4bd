"""A checkpoint with which a function goes on from an older state and loses no message (`docs/protocol.md`, rule 18).

The broker was told long ago that the messages behind the older checkpoint are taken care of: it sends none of them
again. But each checkpoint carries what its state has consumed since its parent, so the whole chain together holds them
all. The coordinator puts them into the older checkpoint's mailbox and keeps the result as a checkpoint of its own, a
child of the older one: for the hub it is an ordinary one, and the lineage shows what was done.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session

from coordinator.moment import now
from coordinator.moves import founding
from coordinator.store import checkpoints
from coordinator.store.checkpoints import ROOT_HUB, UPGRADE
from coordinator.store.schema import Checkpoint
from devices.errors import MidstreamError
from devices.hub.mailbox import Mailbox
from devices.protocol import checkpoint as blobs
from devices.protocol.checkpoint import Arrival, ConsumedRecord, Header

LONGEST: Final = 100
"""Checkpoints between the newest and the older one that are looked into; what only others hold counts as lost."""


@dataclass(frozen=True, slots=True)
class SetBack:
    """The checkpoint to go on from.

    Attributes:
        header: its header.
        blob: its bytes.
        published: outputs up to this one have left; they are not published again.
        put_back: messages that wait once more.
        lost: messages that nobody has any more, at most.
    """

    header: Header
    blob: bytes
    published: int
    put_back: int
    lost: int


def is_one(row: Checkpoint) -> bool:
    """Tells whether a checkpoint was made by `make`, if it is not its instance's first."""
    return row.hub == ROOT_HUB and bool(row.parent) and row.reason != UPGRADE


def newer_than(session: Session, older: str, newest: str) -> list[Header | None]:
    """Returns the headers of the checkpoints behind ``older`` up to ``newest``, oldest first.

    ``None`` stands for those that cannot be read: retention has thinned them out, or their bytes are damaged.
    """
    row = checkpoints.find(session, newest)
    assert row is not None
    chain = [row]
    for parent in checkpoints.parents(session, row):
        if parent.id == older:
            break
        chain.append(parent)
    headers = [_header(session, each) for each in chain[:LONGEST]]
    if len(chain) > LONGEST:
        headers.append(None)
    return headers[::-1]


def _header(session: Session, row: Checkpoint) -> Header | None:
    try:
        return blobs.decode_header(checkpoints.blob(session, row.id))[0]
    except MidstreamError:
        return None


def make(older: bytes, newer: Iterable[Header | None], epoch: int, why: str, key: Ed25519PrivateKey) -> SetBack:
    """Makes the checkpoint.

    Args:
        older: the blob to go back to.
        newer: what `newer_than` returned for it.
        epoch: the instance's newest.
        why: the newest one is left, for the lineage.
        key: the coordinator's.

    Raises:
        MidstreamError: the older blob is damaged.
    """
    old, packed = blobs.decode_header(older)
    chain = list(newer)
    readable = [header for header in chain if header is not None]
    newest = readable[-1] if readable else old
    messages = _behind(old.mailbox.arrivals, readable)
    mailbox = Mailbox(old.mailbox)
    mailbox.put_back(messages.values())
    record = msgspec.structs.replace(
        mailbox.snapshot(),
        repeats=newest.mailbox.repeats,
        arrivals=newest.mailbox.arrivals,
        dropped=max(newest.mailbox.dropped, mailbox.dropped),
        input_qos=newest.mailbox.input_qos,
    )
    waiting = {output.sequence for output in newest.outputs}
    header = msgspec.structs.replace(
        old,
        checkpoint=founding.new_id(),
        parent=old.checkpoint,
        epoch=epoch,
        created=now(),
        hub=ROOT_HUB,
        reason=why,
        mailbox=record,
        consumed=ConsumedRecord(arrivals=[]),
        outputs=[output for output in old.outputs if output.sequence in waiting],
    )
    return SetBack(
        header=header,
        blob=blobs.encode(header, packed, key),
        published=min(waiting, default=newest.sequence + 1) - 1,
        put_back=len(messages),
        lost=_lost(old.mailbox.arrivals, chain, messages),
    )


def _behind(cut: int, headers: Iterable[Header]) -> dict[int, Arrival]:
    """Returns all arrivals behind a cut that some header holds, by number, in order."""
    found: dict[int, Arrival] = {}
    for header in headers:
        consumed = header.consumed.arrivals if header.consumed is not None else []
        for arrival in (*consumed, *header.mailbox.unread):
            if arrival.number > cut:
                known = found.get(arrival.number)
                wanted = {*arrival.subscriptions, *(known.subscriptions if known else ())}
                found[arrival.number] = msgspec.structs.replace(arrival, subscriptions=sorted(wanted))
    return dict(sorted(found.items()))


def _lost(cut: int, chain: Iterable[Header | None], found: dict[int, Arrival]) -> int:
    """Returns how many arrivals behind a cut nobody has any more; all that cannot be known count."""
    lost, low, unknown = 0, cut, False
    for header in chain:
        if header is None:
            unknown = True
            continue
        high = header.mailbox.arrivals
        if unknown or header.consumed is None:
            lost += high - low - sum(1 for number in found if low < number <= high)
        else:
            lost += header.consumed.left_out
        low, unknown = high, False
    return lost + unknown  # the newest itself cannot be read: something is lost, nobody knows how much
