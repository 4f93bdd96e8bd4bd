"""What the coordinator commands a hub to do: ``hubs/<hub>/command``."""

from __future__ import annotations

from typing import Literal

import msgspec

from devices.protocol.messages import Claim, Message


class Command(Message, tag_field="do", kw_only=True):
    """``hubs/<hub>/command``. Executed at most once by ``id``; a repeat is answered with the present state.

    ``start`` is the hub's start counter as the coordinator knew it when it sent this: a hub that has begun anew since
    remembers no ids from before, and refuses it. 0: an older coordinator, which does not say it.
    """

    id: str
    instance: str
    start: int = 0


class Prepare(Command, tag="prepare", kw_only=True):
    """A move may come: fork a worker, load the source of ``checkpoint`` (its parts follow), open a connection."""

    checkpoint: str
    parts: int
    size: int
    digest: str


class Capture(Command, tag="capture", kw_only=True):
    """Take a checkpoint. With ``hold`` the function stays frozen until the verdict: `Stored` then release, or `GoOn`."""

    epoch: int
    reason: str
    hold: bool = False
    move: str = ""  # with hold: the move that this capture begins; empty: suspend
    handover: Literal["takeover", "disconnect"] = "takeover"


class Stored(Command, tag="stored", kw_only=True):
    """The coordinator has committed this checkpoint: acknowledgements and outputs that it covers may go."""

    checkpoint: str
    epoch: int


class GoOn(Command, tag="go-on", kw_only=True):
    """The move was cancelled before its commit point: the held function goes on where it stands."""

    epoch: int
    move: str
    reason: str


class Restore(Command, tag="restore", kw_only=True):
    """Start or go on from a checkpoint, under a claim. Idempotent by (instance, epoch)."""

    epoch: int
    checkpoint: str
    claim: Claim
    parts: int  # of the blob; 0: this hub has it
    size: int
    digest: str  # SHA-256 of the whole blob, hexadecimal
    move: str = ""
    published: int = 0  # outputs up to this sequence have left already
    late_mail: bool = False  # a live source will send what it received after the capture
    muted: bool = False
    upgrades: str = ""  # the checkpoint whose state this is, on changed source: who held that has its newer messages


class Late(Command, tag="late", kw_only=True):
    """What the source received after the capture and the broker will not send again, in order of arrival."""

    epoch: int
    index: int
    total: int
    messages: list[LateMessage]


class LateMessage(msgspec.Struct, kw_only=True):
    """One of them; ``payload`` is base64."""

    topic: str
    payload: str
    qos: int
    retain: bool
    at: str


class Stop(Command, tag="stop", kw_only=True):
    """End the instance for good and its session with it."""

    epoch: int
    reason: str


class Offer(Command, tag="offer", kw_only=True):
    """The coordinator's store lacks this checkpoint: send it up, and announce it as ``offered``."""

    checkpoint: str


class Noted(Command, tag="noted", kw_only=True):
    """The end of the instance is in the coordinator's store: it need not be told again."""

    epoch: int


class Fenced(Command, tag="fenced", kw_only=True):
    """A newer epoch was claimed elsewhere: kill what is here and forget it. A told-later copy of the claim."""

    epoch: int
    hub: str


class Drain(Command, tag="drain", kw_only=True):
    """Take nothing new, and say when nothing runs and all is durable; with ``undo`` work again. ``instance`` is empty."""

    undo: bool = False


class Deploy(Command, tag="deploy", kw_only=True):
    """Build this permission package: its sealed form in parts. Answered with `Wants` until all is there, then `Deployed`."""

    parts: list[str]  # SHA-256 of each, hexadecimal, in order


class Survey(Command, tag="survey", kw_only=True):
    """Say which permission package is in force, and what differs from it; answered with `Deployed`."""


AnyCommand = (
    Prepare | Capture | Stored | GoOn | Restore | Late | Stop | Offer | Noted | Fenced | Drain | Deploy | Survey
)
