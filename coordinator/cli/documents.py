"""What `--json` prints beside the coordinator's own answers: the look into a checkpoint, and the demo's proof."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from coordinator.deployment.plan import Plan
from coordinator.views import answers
from coordinator.views.changed import AppliedRow
from coordinator.views.observed import InterpretedMessage
from coordinator.views.reason import WhyRow
from coordinator.views.ruled import CheckedRules, TestedRules
from devices.hub.local import LocalHub
from devices.protocol.messages import InstanceStateName
from devices.runtime.checking.findings import Checked
from devices.runtime.exercise import Findings


class InspectedVariable(msgspec.Struct, kw_only=True):
    """A variable of a frame; ``value`` is a picture of it in text, cut where it is long."""

    name: str
    type: str
    value: str


class InspectedPlace(msgspec.Struct, kw_only=True):
    """A line of a traceback."""

    function: str
    line: str  # file:line
    statement: str


class InspectedException(msgspec.Struct, kw_only=True):
    """An exception of a frame; its cause and context come behind it."""

    role: str  # "handled", or "pending": raised again when its `finally` ends; of those behind: "cause", "context"
    value: str
    traceback: list[InspectedPlace]
    left_out: int  # lines in the middle of the traceback


class InspectedFrame(msgspec.Struct, kw_only=True):
    """A frame of the stopped function, outermost first."""

    function: str
    line: str  # file:line
    statement: str
    variables: list[InspectedVariable]
    loops: list[str]  # the iterators of the loops that it stands in, outermost first
    exceptions: list[InspectedException]
    waiting: str = ""  # the call that it waits in


class InspectedGlobal(msgspec.Struct, kw_only=True):
    """A global that is not as the module's import makes it, or what is in a class or function of the module."""

    module: str
    name: str
    type: str
    value: str


class InspectedMessage(msgspec.Struct, kw_only=True):
    """A message in the mailbox that the function has not read, or an output that has not left."""

    topic: str
    payload: str  # text, or hexadecimal where it is none; cut where it is long
    qos: int
    retain: bool
    at: str = ""  # of arrival
    sequence: int | None = None  # of an output


class InspectedSubscription(msgspec.Struct, kw_only=True):
    """An open subscription."""

    filters: list[str]
    latest_only: bool


class Inspection(msgspec.Struct, kw_only=True):
    """``inspect``: all of a checkpoint, decoded on this machine."""

    checkpoint: str
    instance: str
    parent: str
    epoch: int
    created: str
    hub: str
    reason: str
    bytes: int
    signature: str  # "good", or why nothing can be said
    function: str
    arguments: dict[str, Any]
    engine: str
    line: str
    statement: str
    files: dict[str, str]
    frames: list[InspectedFrame]
    globals: list[InspectedGlobal]
    deleted: list[str]  # globals that import makes and the function has deleted
    process: list[InspectedVariable]  # what the function has changed in its process: the random generator, streams
    subscriptions: list[InspectedSubscription]
    unread: list[InspectedMessage]
    outputs: list[InspectedMessage]
    arrivals: int
    dropped: int
    waiting: str = ""  # for what, and what will happen when it starts from here


class Drained(msgspec.Struct, kw_only=True):
    """``drain``: how far a hub is, and what became of what ran there."""

    hub: str
    state: Literal["online", "draining", "drained", "offline", "silent"]
    safe_to_power_off: bool
    moved: dict[str, str]  # instance => where it is now
    suspended: list[str]  # instances there
    left: list[str]  # instances that still run there
    in_the_way: list[str]  # sentences


class Why(msgspec.Struct, kw_only=True):
    """``why``: how an instance is, and what brought it there, oldest first."""

    instance: str
    state: InstanceStateName
    hub: str
    since: str
    reason: str
    waiting: str
    rows: list[WhyRow]


class Proof(msgspec.Struct, kw_only=True):
    """``demo``: what the devices sent, and what became of it. All counts are of what was heard on the broker."""

    moved: int
    sent: int
    applied: int
    missing: int
    doubled: int
    equal: bool  # the function's result, and that of the same run which was never moved
    downtime_ms: float
    blob_bytes: int  # of the last move
    lineage: list[str]  # checkpoint ids, oldest first
    broker: str  # "mosquitto" or "embedded"


class Change(msgspec.Struct, kw_only=True):
    """What a site would change on a hub; an empty text: there is no such thing."""

    what: str
    before: str
    after: str


class Planned(Plan, kw_only=True):
    """``deploy plan``: what would be built, and what changes against what is deployed."""

    against: str = ""  # the hub that was asked; empty: none
    changes: list[Change] = []


_ASKED_WITHIN: Final = ("inspect", "functions", "if-lost", "deploy-site", "apply")
"""Questions whose answers are not a document of a command."""

DOCUMENTS: Final[dict[str, Any]] = {
    **{name: answer for name, answer in answers.ANSWERS.items() if name not in _ASKED_WITHIN},
    "hubs-if-lost": list[answers.IfLostRow],
    "devices-from-recording": list[InterpretedMessage],
    "inspect": Inspection,
    "drain": Drained,
    "apply": list[AppliedRow],
    "why": Why,
    "ps-local": list[LocalHub],
    "demo": Proof,
    "check": Checked,
    "rules-check": CheckedRules,
    "rules-test": TestedRules,
    "exercise": Findings,
    "deploy-plan": Planned,
    "logs-line": answers.LogRow,
    "events-line": answers.EventRow,
}
"""Each `--json` by its command; bare `midstream` is ``status``, ``-line`` is a line of ``-f``."""
