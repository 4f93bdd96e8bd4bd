"""What the coordinator answers, as typed structs: the contract of `--json`, of the page and of Home Assistant.

Each question (`ask`) has one struct for its arguments and one for its answer, here or beside; the tables at the end name
all. Nothing here imports the store: the command line loads it. A list is answered as a list of
rows, cut into pages on the wire and put together by the asker. Numbers are SI or percent, times RFC 3339 in UTC, ages
seconds; an empty text means that there is no such thing.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from coordinator.views.changed import AppliedRow, ApplyAsk, UpgradeAnswer, UpgradeAsk
from coordinator.views.deployed import (
    DeployAnswer,
    DeployAsk,
    DeploymentHistoryRow,
    DeploymentRow,
    DeploymentsAsk,
    RollbackAsk,
    SiteRow,
)
from coordinator.views.observed import DeviceRow, DevicesAsk
from coordinator.views.placed import PlacesAnswer
from coordinator.views.question import Question
from coordinator.views.reason import WhyAsk, WhyRow
from coordinator.views.ruled import RuleRow, RulesAsk
from coordinator.views.trigger_rows import TriggerRow
from devices.protocol.messages import Event, InstanceStateName

# Questions -----------------------------------------------------------------------------------------------------------


class RunAsk(Question, kw_only=True):
    """``run``: start a function as a new instance."""

    files: dict[str, str]  # relative path => source, main file first
    function: str = ""  # empty: the only one in the main file
    name: str = ""  # of the instance; empty: from the function's name, the first that is free
    hub: str = ""  # empty: placement decides
    arguments: dict[str, Any] = {}  # texts are converted as the parameters' types say
    once: bool = False  # now and once, whatever trigger it has
    topic: str = ""  # of the message that it is to be started with; empty: none
    payload: str = ""


class PsAsk(Question, kw_only=True):
    """``ps``: instances and where they are."""

    instance: str = ""  # empty: all
    ended: bool = False  # also those that finished, failed or were stopped; a named one is shown in any case


class TriggersAsk(Question, kw_only=True):
    """``triggers``: what is started by messages and times, and how its runs are."""

    trigger: str = ""  # empty: all


class HubsAsk(Question, kw_only=True):
    """``hubs``: what is there, and how it is."""

    hub: str = ""


class DrainAsk(Question, kw_only=True):
    """``drain``: a hub gives away what it runs, or with ``undo`` works again; how far it is, `hubs` tells."""

    hub: str
    undo: bool = False


class IfLostAsk(Question, kw_only=True):
    """``if-lost``: what would become of a hub's functions without it."""

    hub: str


class PauseAsk(Question, kw_only=True):
    """``pause``: nothing moves by itself, or with ``off`` all does again."""

    off: bool = False


class InstanceAsk(Question, kw_only=True):
    """``checkpoint``, ``stop``, ``unmute``: an instance is all they need."""

    instance: str


class SuspendAsk(InstanceAsk, kw_only=True):
    """``suspend``: the same; ``until`` lets it go on by itself, in words as `docs/placement.md` has them."""

    until: str = ""


class PlaceAsk(Question, kw_only=True):
    """``resume``, ``migrate``: an instance, and where to; an empty hub leaves that to placement.

    ``accept_loss`` gives up what a dead hub alone has (`docs/protocol.md`, rule 8), and waits for no absent hub.
    """

    instance: str
    hub: str = ""
    accept_loss: bool = False


class PlacesAsk(Question, kw_only=True):
    """``place``: where an instance, a function or what is in files could go."""

    name: str = ""  # of an instance, or of a function that was started before
    files: dict[str, str] = {}  # in place of a name: relative path => source, main file first
    function: str = ""  # in them; empty: the only one


class LineageAsk(Question, kw_only=True):
    """``lineage``: the tree of an instance's checkpoints, its branches included."""

    instance: str


class FetchAsk(Question, kw_only=True):
    """``inspect``: a checkpoint's blob comes in parts to ``request/answer/<client>/part/<n>``, then the answer."""

    checkpoint: str  # its id, the head of it, or an instance's name for its newest one


class RestoreAsk(Question, kw_only=True):
    """``restore``: the newest checkpoint goes on under its own name, any other one starts a branch.

    ``files`` has it go on with changed source; ``values`` are given to variables first: ``total``,
    ``function.total``, or a global. Both start a branch.
    """

    checkpoint: str
    files: dict[str, str] = {}
    function: str = ""
    values: dict[str, Any] = {}
    as_new: bool = False
    name: str = ""  # of the branch; empty: ``washer~2``
    hub: str = ""
    unmute: bool = False  # a branch publishes nothing unless this is said


class LogsAsk(Question, kw_only=True):
    """``logs``: the newest lines that an instance printed."""

    instance: str
    last: int = 100


class EventsAsk(Question, kw_only=True):
    """``events``: the newest ones, oldest first."""

    last: int = 50
    instance: str = ""
    hub: str = ""


class NothingAsk(Question, kw_only=True):
    """``status``, ``functions``: no arguments."""


# Answers -------------------------------------------------------------------------------------------------------------


class StatusAnswer(msgspec.Struct, kw_only=True):
    """``status``: is all well, and if not, what is to be done."""

    well: bool
    attention: list[str]  # sentences, the most urgent first
    hubs_online: int
    hubs_known: int
    running: int
    suspended: int
    failed: int
    version: str
    generation: str  # of the store
    broker: str  # "mosquitto" or "embedded"
    site: str
    since: str
    paused: str = ""  # since when nothing moves by itself, at somebody's wish


class InstanceRow(msgspec.Struct, kw_only=True):
    """``ps``: one instance. What it says itself is in the fields from ``line`` on."""

    instance: str
    function: str
    hub: str
    state: InstanceStateName
    epoch: int
    since: str
    reason: str = ""
    checkpoint: str = ""  # newest durable one
    checkpoint_age: float | None = None  # seconds
    checkpoint_bytes: int = 0
    checkpoints: int = 0
    moves: int = 0
    declared: str = ""  # the folder whose `functions.toml` it belongs to; empty: started by hand
    muted: bool = False
    withheld: int = 0  # outputs that it made while muted, since it came to its hub
    line: str = ""
    waiting: str = ""
    until: str = ""  # what lets a suspended one go on by itself, and what of it is so now; empty: only somebody's wish
    text: str = ""
    progress: float | None = None
    values: dict[str, Any] = {}
    lag: int = 0
    dropped: int = 0
    input_qos: int | None = None
    cpu: float | None = None  # percent of one core
    memory: int | None = None  # bytes
    result: Any = None
    error: str = ""  # the traceback of one that failed
    places: list[str] = []  # hubs that fit now; told of an instance that is asked for by its name
    unfit: dict[str, str] = {}  # hub => why not


class HubRow(msgspec.Struct, kw_only=True):
    """``hubs``: one hub; metrics are ``None`` until it has told them."""

    hub: str
    state: Literal["online", "draining", "drained", "offline", "silent"]
    since: str
    reason: str = ""
    instances: list[str] = []
    version: str = ""
    arch: str = ""
    cores: int = 0
    memory_bytes: int = 0
    python: str = ""
    engines: list[str] = []
    labels: list[str] = []
    cpu: float | None = None
    load: float | None = None
    memory: float | None = None
    disk: float | None = None
    temperature: float | None = None
    battery: float | None = None
    mains: bool | None = None
    agent_memory: int | None = None  # bytes
    spool_written: int | None = None  # bytes since the agent's start
    metrics_age: float | None = None  # seconds
    safe_to_power_off: bool = False  # nothing runs there, and every newest state is where a failover looks for it
    in_the_way: list[str] = []  # of draining it: sentences
    devices: list[str] = []  # attached now: names that its owner gave, and paths
    data: dict[str, str] = {}  # folders that are there now: name => "r" or "rw"
    functions_memory: int = 0  # bytes that its owner lets functions use; 0: all
    functions_cpu: float = 0.0  # cores, likewise
    cost: float = 0.0  # an hour


class IfLostRow(msgspec.Struct, kw_only=True):
    """``hubs HUB --if-lost``: what would become of one function there. QoS 1 messages come again in any case."""

    instance: str
    function: str
    suspended: bool
    failover: str  # its policy: "auto", "wait 2m", "never"
    goes_to: str = ""  # where placement would have it go now; empty: nowhere
    why: str = ""  # of the place, or why there is none
    checkpoint: str = ""  # that it would go on from
    checkpoint_age: float | None = None  # seconds; what was done since is done again
    lost: str = ""  # what nothing brings back; empty: nothing


class StartedAnswer(msgspec.Struct, kw_only=True):
    """``run``, ``resume``, ``restore``: it runs, there, and why there."""

    instance: str
    function: str
    hub: str
    epoch: int
    checkpoint: str
    why: str
    branch_of: str = ""
    muted: bool = False
    trigger: bool = False  # it does not run: its trigger will start it, each time as an instance of its own
    places: list[str] = []  # hubs that fit now
    unfit: dict[str, str] = {}  # hub => why not, in words that follow its name


class CheckpointAnswer(msgspec.Struct, kw_only=True):
    """``checkpoint``, ``suspend``: what was made durable."""

    instance: str
    hub: str
    state: InstanceStateName
    checkpoint: str
    bytes: int
    line: str
    statement: str
    phases: dict[str, float] = {}  # ms


class StoppedAnswer(msgspec.Struct, kw_only=True):
    """``stop``: it ended for good; its lineage stays."""

    instance: str
    hub: str
    state: InstanceStateName


class MovedAnswer(msgspec.Struct, kw_only=True):
    """``migrate``: what travelled, and how long nothing ran."""

    instance: str
    move: str
    source: str
    destination: str
    epoch: int
    checkpoint: str
    bytes: int
    line: str
    statement: str
    variables: list[str]  # "highest: float", outermost frame first
    downtime_ms: float
    phases: dict[str, float]  # ms
    why: str


class CheckpointRow(msgspec.Struct, kw_only=True):
    """``lineage``: one checkpoint; a parent comes before its children."""

    checkpoint: str
    parent: str  # empty for the root
    instance: str
    branch: int  # 1 for the trunk
    epoch: int
    hub: str  # where it was made
    created: str
    reason: str
    bytes: int
    line: str
    statement: str
    newest: bool  # of its instance: where a failover would go on
    pinned: bool = False
    kept: bool = True  # its bytes; `retention` thins out old ones
    unread: int = 0
    outputs: int = 0


class BlobAnswer(msgspec.Struct, kw_only=True):
    """``inspect``: what the parts, sent before, must add up to."""

    checkpoint: str
    instance: str
    parts: int
    size: int
    digest: str  # SHA-256, hexadecimal
    signer: str  # the public key that must fit, hexadecimal; empty if it is no longer known


class LogRow(msgspec.Struct, kw_only=True):
    """``logs``: one line."""

    at: str
    level: str
    text: str
    hub: str = ""


class FunctionRow(msgspec.Struct, kw_only=True):
    """``functions``: code that has been started at least once."""

    name: str
    digest: str
    doc: str
    parameters: dict[str, str]  # name => type and default, as a person writes them
    settings: dict[str, Any]
    instances: list[str]
    places: list[str]  # hubs that fit now
    unfit: dict[str, str]  # hub => why not


EventRow = Event
"""``events``: the very message that ``events/<rule>`` carries."""

QUESTIONS: dict[str, type[Question]] = {
    "run": RunAsk,
    "ps": PsAsk,
    "triggers": TriggersAsk,
    "hubs": HubsAsk,
    "devices": DevicesAsk,
    "drain": DrainAsk,
    "pause": PauseAsk,
    "if-lost": IfLostAsk,
    "place": PlacesAsk,
    "checkpoint": InstanceAsk,
    "suspend": SuspendAsk,
    "resume": PlaceAsk,
    "migrate": PlaceAsk,
    "stop": InstanceAsk,
    "lineage": LineageAsk,
    "inspect": FetchAsk,
    "upgrade": UpgradeAsk,
    "restore": RestoreAsk,
    "unmute": InstanceAsk,
    "logs": LogsAsk,
    "events": EventsAsk,
    "rules": RulesAsk,
    "why": WhyAsk,
    "apply": ApplyAsk,
    "deploy": DeployAsk,
    "deploy-rollback": RollbackAsk,
    "deploy-status": DeploymentsAsk,
    "deploy-history": DeploymentsAsk,
    "deploy-site": DeploymentsAsk,
    "status": NothingAsk,
    "functions": NothingAsk,
}
"""Each `ask` and its arguments."""

ANSWERS: dict[str, Any] = {
    "run": StartedAnswer,
    "ps": list[InstanceRow],
    "triggers": list[TriggerRow],
    "hubs": list[HubRow],
    "devices": list[DeviceRow],
    "drain": HubRow,
    "pause": StatusAnswer,
    "if-lost": list[IfLostRow],
    "place": PlacesAnswer,
    "checkpoint": CheckpointAnswer,
    "suspend": CheckpointAnswer,
    "resume": StartedAnswer,
    "migrate": MovedAnswer,
    "stop": StoppedAnswer,
    "lineage": list[CheckpointRow],
    "inspect": BlobAnswer,
    "upgrade": UpgradeAnswer,
    "restore": StartedAnswer,
    "unmute": StartedAnswer,
    "logs": list[LogRow],
    "events": list[EventRow],
    "rules": list[RuleRow],
    "why": list[WhyRow],
    "apply": AppliedRow,
    "deploy": DeployAnswer,
    "deploy-rollback": DeployAnswer,
    "deploy-status": list[DeploymentRow],
    "deploy-history": list[DeploymentHistoryRow],
    "deploy-site": list[SiteRow],
    "status": StatusAnswer,
    "functions": list[FunctionRow],
}
"""Each `ask` and the type of its answer: what `docs/schemas` describes."""
