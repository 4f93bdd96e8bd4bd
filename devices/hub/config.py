"""A hub's settings: `hub.toml`, ``MIDSTREAM_HUB_*`` and the command line (`devices.config`)."""

from __future__ import annotations

import math
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import msgspec
import platformdirs

from devices.conditions import comparison
from devices.conditions.metrics import HUB
from devices.config import load
from devices.errors import ConfigurationError, UsageError
from devices.hub.guard import Protection
from devices.mqtt.address import BrokerAddress
from devices.permissions.ids import Range
from devices.protocol.durations import seconds
from devices.protocol.sizes import size_in_bytes
from devices.protocol.topics import Topics, check_name, name_from

_ALIASES: Final = {"MIDSTREAM_BROKER": "broker.url", "MIDSTREAM_PREFIX": "prefix"}
"""What all parts of an installation share."""


class BrokerSettings(msgspec.Struct, kw_only=True):
    """``[broker]``: where it is; a user and the file with the password weigh more than those in the address."""

    url: str = "mqtt://localhost:1883"
    user: str = ""
    password_file: str = ""


class SpoolSettings(msgspec.Struct, kw_only=True):
    """``[spool]``: where checkpoints are kept until the coordinator has them; better not on an SD card."""

    path: str = ""


class MetricsSettings(msgspec.Struct, kw_only=True):
    """``[metrics]``: how often, and where the temperature comes from if the machine's own sensor is not meant.

    ``temperature`` is a file with the reading in thousandths of a degree Celsius, as Linux gives them in
    ``/sys/class/thermal/thermal_zone0/temp``. ``battery`` is a folder with the files ``capacity`` (percent) and
    ``status`` (``Discharging`` or another word), as in ``/sys/class/power_supply/BAT0``; or the topic of a UPS's charge.
    ``mains`` is the topic of that UPS's status, with NUT's words: ``OL``, ``OB``.
    """

    every: str = "5s"
    temperature: str = ""
    battery: str = ""
    mains: str = ""


class ProtectSettings(msgspec.Struct, kw_only=True):
    """A table in ``[protect]``: what this hub does by itself while the coordinator is away.

    ``when``: a comparison with a metric of the hub that holds for as long as ``for``. ``clear``: the one that lets
    functions go on; without it as soon as ``when`` does not hold. ``do``: ``suspend`` puts all that runs into the spool
    and suspends the least important function, then the next; ``checkpoint`` only the first.
    """

    when: str
    hold: str = msgspec.field(default="30s", name="for")
    clear: str = ""
    do: Literal["checkpoint", "suspend"] = "suspend"


PROTECT: Final = {"battery": ProtectSettings(when="hub.reserve < 20", clear="hub.reserve > 30")}
"""What is there without being said; ``battery = false`` takes it away."""


class LimitSettings(msgspec.Struct, kw_only=True):
    """``[limits]``: how long things may take, and how much functions may use.

    ``stop``: a function, to a statement at which it can be stopped; beyond it the checkpoint fails with the line of what
    blocks it, and the function runs on. ``shutdown``: this hub, when it is told to stop, until all that it runs is in the
    spool; less than the service manager gives it (systemd: ``TimeoutStopSec``, 90 s). ``lease``: a function that may go
    on elsewhere, without a sign of the broker (`devices.protocol.lease`); then it is stopped until there is one.
    ``memory``, ``cpu`` (cores): what functions together may use here, the rest is the owner's; placement goes by it.
    Without them it is all that there is.
    """

    stop: str = "5s"
    shutdown: str = "1m"
    lease: str = "5s"
    memory: str = ""
    cpu: float = 0.0


class DataSettings(msgspec.Struct, kw_only=True):
    """An entry of ``[data]``: a folder that functions may need by its name, and whether they may write there."""

    path: str
    access: Literal["r", "rw"] = "r"


class PermissionSettings(msgspec.Struct, kw_only=True):
    """``[permissions]``: where permission packages are built, and from which numbers users and groups get theirs.

    An empty target is a folder in the hub's own. It and all above it must be the superuser's. The numbers must be nobody
    else's; what exists on this machine is left out of them anyway.
    """

    target: str = ""
    ids: str = "1900000000-1900009999"


class HubSettings(msgspec.Struct, kw_only=True):
    """All of `hub.toml`. An empty name is the machine's own.

    ``[data]``: a folder, or its table, by the name that functions need it by. ``[devices]``: a device's path by name.
    ``cost``: an hour, in the owner's money: a hub that costs is used when nothing that costs less fits.
    """

    name: str = ""
    labels: list[str] = []
    prefix: str = "midstream"
    folder: str = ""
    broker: BrokerSettings = msgspec.field(default_factory=BrokerSettings)
    spool: SpoolSettings = msgspec.field(default_factory=SpoolSettings)
    metrics: MetricsSettings = msgspec.field(default_factory=MetricsSettings)
    limits: LimitSettings = msgspec.field(default_factory=LimitSettings)
    protect: dict[str, ProtectSettings | bool] = {}
    data: dict[str, str | DataSettings] = {}
    devices: dict[str, str] = {}
    permissions: PermissionSettings = msgspec.field(default_factory=PermissionSettings)
    cost: float = 0.0


class Data(NamedTuple):
    """A folder that this hub offers."""

    path: Path
    access: Literal["r", "rw"]


class HubConfig(msgspec.Struct, kw_only=True, frozen=True):
    """A hub's settings, checked and ready for use; ``metrics_every`` and the limits in seconds."""

    name: str
    labels: list[str]
    topics: Topics
    broker: BrokerAddress
    folder: Path  # key, pin, start counter
    spool: Path
    metrics_every: float
    temperature: Path | None
    stop_within: float
    shutdown_within: float
    lease: float
    battery: Path | None = None
    ups: tuple[str, str] | None = None  # topics of its charge and its status; the second may be empty
    protect: list[Protection] = []
    functions_memory: int = 0  # bytes; 0: no limit
    functions_cpu: float = 0.0  # cores; likewise
    data: dict[str, Data] = {}
    devices: dict[str, Path] = {}
    cost: float = 0.0
    permissions_target: Path
    permissions_ids: Range = Range(1_900_000_000, 1_900_009_999)


def read_config(path: Path | None, environment: Mapping[str, str], overrides: Mapping[str, Any]) -> HubConfig:
    """Returns a hub's settings from its file, the environment and the command line.

    Args:
        path: `hub.toml`, or ``None`` for none.
        environment: as `os.environ`.
        overrides: by dotted name, as ``{"broker.url": "mqtt://nas"}``.

    Raises:
        ConfigurationError: a setting is unknown, of another kind, or cannot be.
        UsageError: the name cannot be a hub's, or the address not a broker's.
    """
    settings = load(
        path, HubSettings, prefix="MIDSTREAM_HUB_", environment=environment, overrides=overrides, aliases=_ALIASES
    )
    name = check_name("hub", settings.name or name_from(socket.gethostname().split(".")[0]))
    every = seconds(settings.metrics.every)
    if every < 0.1:
        raise ConfigurationError("metrics.every: at least 100ms", place=None if path is None else str(path))
    limits = settings.limits
    stop_within, shutdown_within, lease = (seconds(it) for it in (limits.stop, limits.shutdown, limits.lease))
    for name_of_limit, limit in (("stop", stop_within), ("shutdown", shutdown_within), ("lease", lease)):
        if not 0.01 <= limit <= 600:
            raise ConfigurationError(
                f"limits.{name_of_limit}: from 10ms to 10m", place=None if path is None else str(path)
            )
    folder = Path(settings.folder) if settings.folder else platformdirs.user_data_path("midstream") / "hubs" / name
    return HubConfig(
        name=name,
        labels=settings.labels,
        topics=Topics(settings.prefix),
        broker=_address(settings.broker),
        folder=folder.expanduser(),
        spool=Path(settings.spool.path).expanduser() if settings.spool.path else folder.expanduser() / "spool",
        metrics_every=every,
        temperature=Path(settings.metrics.temperature) if settings.metrics.temperature else None,
        stop_within=stop_within,
        shutdown_within=shutdown_within,
        lease=lease,
        battery=Path(settings.metrics.battery) if settings.metrics.battery.startswith("/") else None,
        ups=_ups(settings.metrics, path),
        protect=_protections(settings.protect, path),
        functions_memory=size_in_bytes(limits.memory) if limits.memory else 0,
        functions_cpu=_not_negative("limits.cpu", limits.cpu, path),
        data={name: _data(entry) for name, entry in settings.data.items()},
        devices={name: Path(device) for name, device in settings.devices.items()},
        cost=_not_negative("cost", settings.cost, path),
        permissions_target=_target(settings.permissions, folder),
        permissions_ids=Range.parse(settings.permissions.ids),
    )


def _target(settings: PermissionSettings, folder: Path) -> Path:
    target = Path(settings.target) if settings.target else folder.expanduser().resolve() / "permissions"
    if not target.is_absolute():
        raise ConfigurationError(f"permissions.target: {settings.target!r} must begin with '/'")
    return target


def _protections(given: dict[str, ProtectSettings | bool], path: Path | None) -> list[Protection]:
    found = []
    for name, settings in (PROTECT | given).items():
        place = f"protect.{name}" if path is None else f"{path}: protect.{name}"
        if isinstance(settings, ProtectSettings):
            found.append(_protection(name, settings, place))
        elif settings and name not in PROTECT:
            raise ConfigurationError("a table is needed, as { when = 'hub.memory > 95' }", place=place)
        elif settings:
            found.append(_protection(name, PROTECT[name], place))
    return found


def _protection(name: str, settings: ProtectSettings, place: str) -> Protection:
    try:
        when = comparison.parse(settings.when, HUB)
        clear = comparison.parse(settings.clear, HUB) if settings.clear else when.opposite
        hold = seconds(settings.hold)
    except (ConfigurationError, UsageError) as error:
        raise ConfigurationError(error.message, place=place, remedy=error.remedy) from error
    if clear.metric != when.metric or not when.excludes(clear):
        raise ConfigurationError(
            f"{settings.clear!r} can hold while {settings.when!r} does",
            place=place,
            remedy="clear is about the same metric, beyond when: hub.memory > 95, hub.memory < 85",
        )
    return Protection(name=name, when=when, hold=hold, clear=clear, do=settings.do)


def _ups(settings: MetricsSettings, path: Path | None) -> tuple[str, str] | None:
    place = "metrics" if path is None else f"{path}: metrics"
    if not settings.battery or settings.battery.startswith("/"):
        if settings.mains:
            raise ConfigurationError("mains is told of a UPS: battery must be the topic of its charge", place=place)
        return None
    for topic in (settings.battery, settings.mains):
        if any(sign in topic for sign in "+#"):
            raise ConfigurationError(f"{topic!r} is not one topic", place=place, remedy="name one without + and #")
    return settings.battery, settings.mains


def _not_negative(name: str, number: float, path: Path | None) -> float:
    if not 0 <= number < math.inf:
        raise ConfigurationError(f"{name}: a number from 0 on", place=None if path is None else str(path))
    return number


def _data(entry: str | DataSettings) -> Data:
    if isinstance(entry, str):
        return Data(Path(entry).expanduser(), "r")
    return Data(Path(entry.path).expanduser(), entry.access)


def _address(settings: BrokerSettings) -> BrokerAddress:
    address = BrokerAddress.parse(settings.url)
    if not settings.user and not settings.password_file:
        return address
    password = _password(Path(settings.password_file).expanduser()) if settings.password_file else address.password
    return address.with_login(settings.user or address.user, password)


def _password(path: Path) -> str:
    try:
        return path.read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError("the file with the broker's password cannot be read", place=str(path)) from error
