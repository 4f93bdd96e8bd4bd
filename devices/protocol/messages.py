"""Each JSON message as a typed struct with its version: what `docs/protocol.md` lists, decoded strictly.

A field that is unknown is ignored, so that version n reads what n + 1 adds; a message whose ``v`` is newer than
`VERSION` is refused with a sentence that says so. Numbers are SI or percent; times are RFC 3339 in UTC; durations end
in ``_ms`` or are seconds. Field order is reading order: people look at these with MQTT Explorer.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeVar

import msgspec

from devices.errors import NewerFormatError, ProtocolError, printable
from devices.protocol import lease as leases

VERSION: Final = 1

InstanceStateName = Literal[
    "starting", "running", "capturing", "held", "suspended", "moving", "restarting", "finished", "failed", "stopped"
]
Phase = Literal["freeze", "capture", "encode", "spool", "send", "store", "claim", "start", "decode", "resume"]
PHASES: Final[tuple[Phase, ...]] = (
    "freeze", "capture", "encode", "spool", "send", "store", "claim", "start", "decode", "resume",
)  # fmt: skip


class Message(msgspec.Struct, kw_only=True):
    """Base of every JSON message."""

    v: int = VERSION


# State: retained, for people and small displays -----------------------------------------------------------------------


class CoordinatorStatus(Message, kw_only=True):
    """``coordinator/status``, retained, also the will."""

    state: Literal["online", "offline"]
    version: str = ""
    generation: str = ""
    hubs: str = ""
    running: int = 0
    paused: str = ""  # since when nothing moves by itself, at somebody's wish
    attention: list[str] = []
    key: str = ""  # the coordinator's public key, hexadecimal; hubs pin it at first contact
    notes_ends: bool = False  # answers `Ended` with `Noted`


class HubStatus(Message, kw_only=True):
    """``hubs/<hub>/status``, retained, also the will. A late will of an older start is told by ``start``.

    ``safe_to_power_off``: nothing runs there, and every newest state is where a failover looks for it.
    """

    state: Literal["online", "draining", "drained", "offline"]
    boot: str
    start: int
    safe_to_power_off: bool = False
    reason: str = ""  # in words


class HubInfo(Message, kw_only=True):
    """``hubs/<hub>/info``, retained: what a hub is and can do; placement reads it."""

    hub: str
    version: str
    arch: str
    cores: int
    memory: int  # bytes
    python: str
    engines: list[str]
    labels: list[str] = []
    packages: dict[str, str] = {}  # installed distributions and versions
    packages_left_out: int = 0  # for want of room: what is not listed may then be there
    key: str = ""  # the hub's public key, hexadecimal
    permissions: str = ""  # "full": it takes permission packages; empty: it is older; else why it does not
    spool: str = ""
    lease: float = leases.LEASE  # seconds without a sign of the broker after which its functions are stopped
    metrics_every: float = leases.SIGN_EVERY  # seconds
    takes_occasions: bool = False  # it can start a function with a message; an older one cannot
    devices: list[str] = []  # attached now: paths, and the names that its owner gave
    data: dict[str, str] = {}  # folders that are there now: name => "r" or "rw"
    functions_memory: int = 0  # bytes that functions may use together; 0: all
    functions_cpu: float = 0.0  # cores, likewise
    cost: float = 0.0  # an hour; above 0: used when nothing that costs less fits


class InstanceUse(msgspec.Struct, kw_only=True):
    """What one instance uses: percent of one core, bytes of resident memory."""

    cpu: float
    memory: int


class HubMetrics(Message, kw_only=True):
    """``hubs/<hub>/metrics``, not retained. Percent unless said; ``None`` where the machine has no such thing."""

    cpu: float
    load: float  # 1 minute average over the number of cores
    memory: float
    memory_available: int  # bytes
    swap: float
    disk: float
    temperature: float | None = None  # degrees Celsius, the hottest of the cpu's sensors
    battery: float | None = None
    mains: bool | None = None
    received: float = 0.0  # bytes a second
    sent: float = 0.0
    processes: int = 0
    agent_memory: int = 0  # bytes, the hub agent itself
    spool_written: int = 0  # bytes since the agent's start
    instances: dict[str, InstanceUse] = {}


class InstanceState(Message, kw_only=True):
    """``instances/<id>/state``, retained. Information, never authority: that is the claim."""

    state: InstanceStateName
    function: str
    hub: str
    epoch: int
    line: str = ""  # file:line where it is, or was captured
    waiting: str = ""  # for what, until when, in words
    text: str = ""  # the author's `ctx.status`
    progress: float | None = None
    values: dict[str, Any] = {}
    lag: int = 0  # unread messages here
    dropped: int = 0  # messages known to be lost or superseded unread
    input_qos: int | None = None  # lowest QoS at which inputs arrive
    checkpoint: str = ""  # newest durable one
    withheld: int = 0  # outputs that a muted one has made here, and not published
    reason: str = ""
    since: str = ""


class Claim(Message, kw_only=True):
    """``instances/<id>/claim``, retained: who may act. ``signed`` is the authority, the rest is for the eye."""

    instance: str
    epoch: int
    hub: str
    checkpoint: str
    signed: str  # base64 of a COSE_Sign1 by the coordinator over `ClaimBody`


class ClaimBody(msgspec.Struct, kw_only=True):
    """What a claim's signature covers, as CBOR with text keys. ``digest`` binds the blob: SHA-256 of all of it."""

    instance: str
    epoch: int
    hub: str
    checkpoint: str
    digest: bytes


class MoveReport(Message, kw_only=True):
    """``instances/<id>/move``, retained: the last move."""

    move: str
    instance: str
    source: str
    destination: str
    state: str
    reason: str
    checkpoint: str = ""
    bytes: int = 0
    line: str = ""
    downtime_ms: float = 0.0
    phases: dict[str, float] = {}  # ms by `Phase`
    at: str = ""


class Event(Message, kw_only=True):
    """``events/<rule>``: what happened, what was done about it and why, in words."""

    id: str
    at: str
    rule: str
    severity: Literal["info", "warning", "problem"] = "info"
    subject: str = ""  # the hub, instance or topic
    metric: str = ""
    value: float | None = None
    threshold: float | None = None
    did: str = ""
    why: str = ""
    instance: str = ""
    hub: str = ""
    details: dict[str, Any] = {}


class Variable(msgspec.Struct, kw_only=True):
    """One variable of a captured frame: never its value, everybody on the broker can read summaries."""

    frame: str
    name: str
    type: str
    size: int  # bytes, approximate


class CheckpointSummary(Message, kw_only=True):
    """``checkpoints/<id>/summary``: what a blob holds."""

    checkpoint: str
    instance: str
    parent: str
    epoch: int
    function: str
    hub: str
    reason: str
    created: str
    bytes: int
    line: str
    statement: str
    frames: list[str]
    variables: list[Variable]
    unread: int
    outputs: int


# Requests: command line and others -> coordinator -----------------------------------------------------------------------


class Request(Message, kw_only=True):
    """``request``, with a response topic and correlation data (MQTT 5.0, 4.10). ``arguments`` are checked per ``ask``."""

    ask: str
    arguments: dict[str, Any] = {}


class Reply(Message, kw_only=True):
    """``request/answer/<client>``: one page of an answer; long lists come in several, below the shown-message limit."""

    ok: bool
    page: int = 0
    pages: int = 1
    value: Any = None
    error: dict[str, str] | None = None


M = TypeVar("M")


def encode(message: Message) -> bytes:
    """Returns a message as compact UTF-8 JSON (RFC 8259)."""
    return msgspec.json.encode(message)


def decode(payload: bytes, kind: type[M], where: str) -> M:
    """Returns the message in ``payload``.

    Args:
        payload: JSON from the wire.
        kind: the struct, or a union of tagged structs (`AnyCommand`).
        where: the topic, for the error.

    Raises:
        NewerFormatError: its ``v`` is newer than this version reads.
        ProtocolError: not JSON, or not this message; the text names the field.
    """
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        _refuse_newer(payload, where)
        raise ProtocolError(f"malformed message: {printable(str(error), 300)}", place=printable(where, 200)) from error


class _OnlyVersion(msgspec.Struct):
    v: int = 0


def _refuse_newer(payload: bytes, where: str) -> None:
    try:
        version = msgspec.json.decode(payload, type=_OnlyVersion).v
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    if version > VERSION:
        raise NewerFormatError(
            f"a message of version {version}; this version reads up to {VERSION}",
            place=printable(where, 200),
            remedy="upgrade this machine's midstream",
        )
