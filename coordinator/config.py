"""The coordinator's settings: `coordinator.toml`, ``MIDSTREAM_COORDINATOR_*`` and the command line (`devices.config`)."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import platformdirs

from coordinator.retention import FALLBACK, Retention
from devices.conditions import limit
from devices.conditions.limit import Limit
from devices.config import load
from devices.errors import ConfigurationError, SourceError, UsageError
from devices.mqtt.address import BrokerAddress
from devices.protocol.durations import seconds
from devices.protocol.sizes import size_in_bytes
from devices.protocol.topics import Topics, wire_filter
from devices.runtime.settings import Settings, read_settings

_ALIASES: Final = {"MIDSTREAM_BROKER": "broker.url", "MIDSTREAM_PREFIX": "prefix"}
"""What all parts of an installation share."""
KNOWN: Final = "known"
"""Among the topics of ``[devices]``: all on which known firmware speaks."""


class BrokerSettings(msgspec.Struct, kw_only=True):
    """``[broker]``: where it is; a user and the file with the password weigh more than those in the address."""

    url: str = "mqtt://localhost:1883"
    user: str = ""
    password_file: str = ""


class StoreSettings(msgspec.Struct, kw_only=True):
    """``[store]``: an SQLAlchemy URL; empty for a file in the coordinator's folder."""

    url: str = ""


class RetentionSettings(msgspec.Struct, kw_only=True):
    """``[retention]``: which checkpoints of an instance keep their bytes; the lineage stays whole.

    The ``last`` ones; of older ones one an hour for a day, then one a day for ``days`` days; and of all these the newest
    that together have ``size``.
    """

    last: int = 20
    days: int = 30
    size: str = "1GB"


class FolderSettings(msgspec.Struct, kw_only=True):
    """``[folders]``: watched; a bad file changes nothing."""

    functions: str = ""
    rules: str = ""


class DefaultSettings(msgspec.Struct, kw_only=True):
    """``[defaults]``: for functions that say nothing else in their `@function`; of those that are started from then on.

    ``moves`` is for rules: how often they may move one instance.
    """

    checkpoint: str = ""
    durability: str = ""
    failover: str = ""
    catch_up: str = ""
    moves: str = "4 per hour"


class DeviceSettings(msgspec.Struct, kw_only=True):
    """``[devices]``: the topics that are listened to for `midstream devices`, beside those of the rules.

    ``known`` stands for those of known firmware (`coordinator.dialects.filters`); on the embedded broker for none.
    """

    topics: list[str] = msgspec.field(default_factory=lambda: [KNOWN])


class BalanceSettings(msgspec.Struct, kw_only=True):
    """``[balance]``: evens loads out, if ``moves``, those that it makes in an hour, is above 0.

    ``gain``: points (`docs/placement.md`) by which another hub must be better, the standstill taken off. ``hold``: for
    how long. ``rest``: how long a function stays where it came, whoever moved it.
    """

    moves: int = 0
    gain: float = 20.0
    hold: str = "3m"
    rest: str = "30m"


class CoordinatorSettings(msgspec.Struct, kw_only=True):
    """All of `coordinator.toml`. An empty time zone is the machine's own."""

    site: str = "home"
    timezone: str = ""
    prefix: str = "midstream"
    folder: str = ""
    broker: BrokerSettings = msgspec.field(default_factory=BrokerSettings)
    store: StoreSettings = msgspec.field(default_factory=StoreSettings)
    folders: FolderSettings = msgspec.field(default_factory=FolderSettings)
    devices: DeviceSettings = msgspec.field(default_factory=DeviceSettings)
    retention: RetentionSettings = msgspec.field(default_factory=RetentionSettings)
    defaults: DefaultSettings = msgspec.field(default_factory=DefaultSettings)
    balance: BalanceSettings = msgspec.field(default_factory=BalanceSettings)


class Balance(NamedTuple):
    """How loads are evened out: moves an hour, points, and seconds."""

    moves: int = 0
    gain: float = 20.0
    hold: float = 180.0
    rests: float = 1800.0


class CoordinatorConfig(msgspec.Struct, kw_only=True, frozen=True):
    """A coordinator's settings, checked and ready for use."""

    site: str
    timezone: str  # an IANA name; functions on all hubs tell the time in it
    topics: Topics
    broker: BrokerAddress
    folder: Path  # key, and the store if it is a file
    store: str
    rules: Path | None
    retention: Retention
    devices: tuple[str, ...] = (KNOWN,)  # topics that are listened to for the devices' sake
    functions: Path | None = None  # the folder of `functions.toml`
    defaults: Settings = Settings()  # of functions
    moves: Limit = Limit(4)  # of one instance, by rules
    balance: Balance = Balance()


def read_config(path: Path | None, environment: Mapping[str, str], overrides: Mapping[str, Any]) -> CoordinatorConfig:
    """Returns the coordinator's settings from its file, the environment and the command line.

    Args:
        path: `coordinator.toml`, or ``None`` for none.
        environment: as `os.environ`.
        overrides: by dotted name, as ``{"broker.url": "mqtt://nas", "folders.rules": "rules"}``.

    Raises:
        ConfigurationError: a setting is unknown, of another kind, or cannot be.
        UsageError: the address is not a broker's.
    """
    settings = load(
        path,
        CoordinatorSettings,
        prefix="MIDSTREAM_COORDINATOR_",
        environment=environment,
        overrides=overrides,
        aliases=_ALIASES,
    )
    folder = Path(settings.folder) if settings.folder else platformdirs.user_data_path("midstream") / "coordinator"
    folder = folder.expanduser().absolute()
    return CoordinatorConfig(
        site=settings.site,
        timezone=_zone(settings.timezone, path),
        topics=Topics(settings.prefix),
        broker=_address(settings.broker),
        folder=folder,
        store=settings.store.url or f"sqlite:///{folder / 'store.sqlite'}",
        rules=Path(settings.folders.rules).expanduser().absolute() if settings.folders.rules else None,
        functions=Path(settings.folders.functions).expanduser().absolute() if settings.folders.functions else None,
        retention=_retention(settings.retention, path),
        devices=_device_topics(settings.devices, path),
        defaults=_defaults(settings.defaults, path),
        balance=_balance(settings.balance, path),
        moves=_moves(settings.defaults.moves, path),
    )


def _moves(text: str, path: Path | None) -> Limit:
    try:
        return limit.parse(text)
    except ConfigurationError as error:
        place = "defaults.moves" if path is None else f"{path}: defaults.moves"
        raise ConfigurationError(error.message, place=place, remedy=error.remedy) from error


def _device_topics(settings: DeviceSettings, path: Path | None) -> tuple[str, ...]:
    try:
        return tuple(wire_filter(topic) for topic in settings.topics)
    except UsageError as error:
        place = "devices.topics" if path is None else f"{path}: devices.topics"
        raise ConfigurationError(error.message, place=place, remedy=error.remedy) from error


def _defaults(settings: DefaultSettings, path: Path | None) -> Settings:
    said = {name: value for name, value in msgspec.structs.asdict(settings).items() if value and name != "moves"}
    place = "defaults" if path is None else f"{path}: defaults"
    try:
        return read_settings(said, place)
    except SourceError as error:
        raise ConfigurationError(error.message, place=error.place, remedy=error.remedy) from error


def _balance(settings: BalanceSettings, path: Path | None) -> Balance:
    if not (0 <= settings.moves <= 3600 and 0 <= settings.gain < math.inf):
        place = "balance" if path is None else f"{path}: balance"
        raise ConfigurationError("moves: from 0 to 3600 an hour; gain: from 0 on", place=place)
    return Balance(settings.moves, settings.gain, seconds(settings.hold), seconds(settings.rest))


def _retention(settings: RetentionSettings, path: Path | None) -> Retention:
    place = "" if path is None else f"{path}: "
    for name, value, least in (("last", settings.last, FALLBACK), ("days", settings.days, 0)):
        if value < least:
            raise ConfigurationError(f"{value} cannot be", place=f"{place}retention.{name}", remedy=f"at least {least}")
    try:
        size = size_in_bytes(settings.size)
    except UsageError as error:
        raise ConfigurationError(error.message, place=f"{place}retention.size", remedy=error.remedy) from error
    return Retention(last=settings.last, days=settings.days, size=size)


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


def _zone(name: str, path: Path | None) -> str:
    if not name:
        return _own_zone()
    try:
        return ZoneInfo(name).key
    except (KeyError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"there is no time zone {name!r}",
            place="timezone" if path is None else f"{path}: timezone",
            remedy="give its IANA name, as in 'Europe/Berlin'",
        ) from error


def _own_zone() -> str:
    """Returns this machine's IANA time zone, by the link that systemd keeps; ``UTC`` where there is none."""
    link = os.path.realpath("/etc/localtime")
    _, found, name = link.partition("/zoneinfo/")
    return name if found and name else "UTC"
