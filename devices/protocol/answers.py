"""What a hub answers to commands, and says on its own: ``hubs/<hub>/answer``."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from devices.protocol.commands import LateMessage
from devices.protocol.messages import InstanceStateName, Message, Variable


class Answer(Message, tag_field="what", kw_only=True):
    """``hubs/<hub>/answer``. ``id`` is the command's; empty for what a hub says on its own."""

    hub: str
    id: str = ""
    instance: str = ""


class Done(Answer, tag="done", kw_only=True):
    """The command was carried out (or had been)."""

    state: str = ""


class Failed(Answer, tag="failed", kw_only=True):
    """The command was refused or failed; nothing half-done stays behind."""

    error: dict[str, str]
    epoch: int = 0
    move: str = ""


class Captured(Answer, tag="captured", kw_only=True):
    """A checkpoint was made and its parts are on their way up."""

    epoch: int
    checkpoint: str
    parent: str
    move: str = ""
    held: bool = False
    reason: str = ""
    parts: int
    size: int
    digest: str
    line: str
    statement: str = ""
    frames: list[str] = []
    variables: list[Variable] = []
    phases: dict[str, float] = {}
    offered: bool = False  # an answer to `Offer`; it may be another hub's, and of an older epoch


class Released(Answer, tag="released", kw_only=True):
    """The commit point: synced to the source's spool; from here on the source never goes on without a signed refusal."""

    epoch: int
    move: str
    checkpoint: str
    published: int  # outputs up to this sequence were confirmed by the broker
    disconnected: bool  # the instance's session was left (hand-over "disconnect")


class Running(Answer, tag="running", kw_only=True):
    """The function goes on here. ``late_mail``: this hub waits for the source's late list."""

    epoch: int
    move: str = ""
    phases: dict[str, float] = {}
    first_statement: str = ""


class LateMail(Answer, tag="late-mail", kw_only=True):
    """A source's late list; the coordinator passes it on as `Late`."""

    epoch: int
    index: int
    total: int
    messages: list[LateMessage]


class Ended(Answer, tag="ended", kw_only=True):
    """The function returned, raised, or its worker died for good."""

    epoch: int
    state: Literal["finished", "failed", "stopped"]
    result: Any = None
    error: str = ""  # the traceback as the user's own file and lines
    checkpoint: str = ""
    consumed: int = 0
    log: list[dict[str, str]] = []  # its last lines: at, level, text, hub


class Holding(msgspec.Struct, kw_only=True):
    """One instance in a hub's report."""

    instance: str
    epoch: int
    state: InstanceStateName
    checkpoint: str
    move: str = ""
    published: int = 0  # outputs up to this sequence are known to have left
    muted: bool = False
    until: str = ""  # what lets it go on: its hub has suspended it by itself, for its own protection


class Report(Answer, tag="report", kw_only=True):
    """What a hub holds, told at each of its starts and reconnects, and when asked."""

    boot: str
    start: int
    holding: list[Holding] = []


class Wants(Answer, tag="wants", kw_only=True):
    """Parts of a permission package that this hub has not; they come on ``hubs/<hub>/package/<sha256>``."""

    parts: list[str]  # hexadecimal; as many as are to be sent now
    more: int = 0  # that it will want then


class Drift(msgspec.Struct, kw_only=True):
    """What on a hub is not as its permission package says."""

    path: str
    what: str


class VolumeUse(msgspec.Struct, kw_only=True):
    """Bytes."""

    used: int
    quota: int


class Deployed(Answer, tag="deployed", kw_only=True):
    """The permission package that is in force."""

    version: int  # 0: none
    trees: list[int] = []  # versions whose trees are there
    drift: list[Drift] = []  # the first of them
    drifted: int = 0  # all
    volumes: dict[str, VolumeUse] = {}
    older: list[str] = []  # functions that still run under an older one, in words


AnyAnswer = Done | Failed | Captured | Released | Running | LateMail | Ended | Report | Wants | Deployed
