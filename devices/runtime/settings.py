"""What `@function` says about a function: its settings, read from literals and checked.

They travel in a checkpoint's header as plain data (`Settings.to_plain`), so that a hub knows a function's policy
without looking at its code.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, Self, get_args

import msgspec

from devices.errors import ProtocolError, SourceError, UsageError, printable
from devices.protocol import durations, sizes
from devices.protocol.waits import CatchUp
from devices.runtime import triggers
from devices.runtime.triggers import Mode

Durability = Literal["coordinator", "spool"]
_SHORTEST_PERIOD: Final = 0.1  # seconds between two checkpoints; each costs a synced write on an SD card
_DEFAULT_WAIT: Final = "wait 2m"
_ALTERNATIVES: Final = re.compile(r"\s+or\s+")
_MESSAGES: Final = re.compile(r"\s*([1-9][0-9]{0,5})\s+messages?\s*", re.ASCII)
_PRIORITIES: Final = range(-100, 101)
_CORES: Final = 1024


class Needs(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a hub must have before the function may run there.

    What is not needed is not said: a hub of the version before knows only the needs of its time.
    """

    labels: list[str] = []
    packages: list[str] = []  # requirements, as in "pillow>=10"
    memory: int = 0  # bytes that must be available
    cpu: float = 0.0  # cores
    device: list[str] = []  # paths, or names that a hub's settings give them
    data: list[str] = []  # names of what hubs offer


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The arguments of `@function`, in units: durations in seconds, sizes in bytes."""

    checkpoint: float = 30.0
    checkpoint_messages: int = 0  # read since the last checkpoint; 0: they make none due
    durability: Durability = "coordinator"
    failover: str = _DEFAULT_WAIT  # "auto", "never" or "wait <duration>"
    catch_up: CatchUp = "run"
    needs: Needs = Needs()
    priority: int = 0
    labels: list[str] = []  # what it is, for rules: "batch"
    on: list[str] = []  # topic filters whose messages start a run each; named segments as written
    every: float = 0.0  # seconds between two runs
    at: list[str] = []  # times of day
    cron: str = ""
    mode: Mode = "queued"
    limit: int = 0  # runs at a time, or in the queue; 0: as the mode has it

    @property
    def has_trigger(self) -> bool:
        """Whether something starts it by itself: each time as a run of its own."""
        return bool(self.on or self.every or self.at or self.cron)

    @property
    def failover_after(self) -> float | None:
        """Seconds that a silent hub is waited for before its functions go on elsewhere; ``None``: for ever."""
        if self.failover == "never":
            return None
        return 0.0 if self.failover == "auto" else durations.seconds(self.failover.removeprefix("wait"))

    def to_plain(self) -> dict[str, Any]:
        """Returns the settings as JSON values, for a checkpoint's header."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """Returns the settings that `to_plain` gave; a setting that a newer version added is left out.

        Raises:
            ProtocolError: not settings.
        """
        known = {name: plain[name] for name in cls.__struct_fields__ if name in plain}
        try:
            return msgspec.convert(known, cls)
        except msgspec.ValidationError as error:
            raise ProtocolError(f"a checkpoint's settings are not as the contract says: {error}") from error


def read_settings(given: Mapping[str, Any], place: str, defaults: Settings | None = None) -> Settings:
    """Returns the checked settings of one `@function(...)`.

    Args:
        given: its keyword arguments, as values.
        place: file and line, for the error.
        defaults: for what it does not say.

    Raises:
        SourceError: an unknown setting (the nearest one is named), a value that cannot be, or two that contradict.
    """
    _refuse_unknown(given, tuple(_READERS), "setting of @function", place)
    base = defaults or Settings()
    triggers.require_one(given, place, has_one=base.has_trigger)
    checked: dict[str, Any] = {}
    for name, value in given.items():
        checked |= _READERS[name](value, place)
    if checked.get("durability") == "spool" and checked.setdefault("failover", "never") != "never":
        raise SourceError(
            f'durability="spool" and failover="{checked["failover"]}" contradict each other: what lies in the '
            "spool of a dead hub cannot go on elsewhere",
            place=place,
            remedy='say failover="never", or leave durability at "coordinator"',
        )
    if checked.get("failover", "never") != "never":
        checked.setdefault("durability", "coordinator")  # it wants to go on elsewhere, whatever the defaults are
    if any(kind in given for kind in triggers.KINDS):
        base = msgspec.structs.replace(base, on=[], every=0.0, at=[], cron="")
    return msgspec.structs.replace(base, **checked)


def _refuse_unknown(given: Mapping[str, Any], valid: tuple[str, ...], kind: str, place: str) -> None:
    for name in given:
        if name not in valid:
            near = difflib.get_close_matches(name, valid, n=1)
            raise SourceError(
                f"{name!r} is no {kind}",
                place=place,
                remedy=f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(valid)}",
            )


def _checkpoint(value: Any, place: str) -> dict[str, Any]:
    """Reads ``"30s"``, ``"20 messages"`` or ``"30s or 20 messages"``."""
    read: dict[str, Any] = {}
    for part in _ALTERNATIVES.split(value) if isinstance(value, str) else [value]:
        if counted := _MESSAGES.fullmatch(part) if isinstance(part, str) else None:
            read["checkpoint_messages"] = int(counted[1])
        else:
            read["checkpoint"] = _period(part, place)
    return read


def _period(value: Any, place: str) -> float:
    try:
        seconds = durations.seconds(value)
    except (UsageError, TypeError, ValueError) as error:
        raise SourceError(f"checkpoint={_shown(value)} is no duration", place=place, remedy=_hint(error)) from error
    if seconds < _SHORTEST_PERIOD:
        raise SourceError(
            f"checkpoint={_shown(value)} is too often: each checkpoint is a synced write",
            place=place,
            remedy='a second ("1s") is often enough: messages and outputs are safe between checkpoints too',
        )
    return seconds


def _durability(value: Any, place: str) -> str:
    return _one_of("durability", value, get_args(Durability), place)


def _catch_up(value: Any, place: str) -> str:
    return _one_of("catch_up", value, get_args(CatchUp), place)


def _failover(value: Any, place: str) -> str:
    if value in ("auto", "never"):
        return str(value)
    if isinstance(value, str) and value.startswith("wait"):
        try:
            durations.seconds(value.removeprefix("wait"))
        except UsageError as error:
            raise SourceError(f"failover={_shown(value)}: {error.message}", place=place, remedy=error.remedy) from error
        return value
    raise SourceError(
        f"failover={_shown(value)} cannot be",
        place=place,
        remedy='there are "auto", "never" and, as in "wait 2m", a time',
    )


def _needs(value: Any, place: str) -> Needs:
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise SourceError(f"needs={_shown(value)} is no dict", place=place, remedy='write needs={"labels": ["big"]}')
    _refuse_unknown(value, Needs.__struct_fields__, "need", place)
    return Needs(
        labels=_texts("labels", value.get("labels", []), place),
        packages=_texts("packages", value.get("packages", []), place),
        memory=_size(value.get("memory", 0), place),
        cpu=_cores(value.get("cpu", 0.0), place),
        device=_texts("device", value.get("device", []), place),
        data=_texts("data", value.get("data", []), place),
    )


def _priority(value: Any, place: str) -> int:
    if type(value) is not int or value not in _PRIORITIES:
        raise SourceError(f"priority={_shown(value)} is no whole number from -100 to 100", place=place)
    return value


def _labels(value: Any, place: str) -> list[str]:
    labels = [value] if isinstance(value, str) else value
    if not isinstance(labels, (list, tuple)) or not all(isinstance(each, str) and each.strip() for each in labels):
        remedy = 'write labels=["batch"]; what a hub must have is needs={"labels": [...]}'
        raise SourceError(f"labels={_shown(value)} is no list of texts", place=place, remedy=remedy)
    return list(labels)


def _one_of(name: str, value: Any, choices: tuple[str, ...], place: str) -> str:
    if value not in choices:
        listed = " or ".join(f'"{choice}"' for choice in choices)
        raise SourceError(f"{name}={_shown(value)} cannot be", place=place, remedy=f"it is {listed}")
    return str(value)


def _texts(name: str, value: Any, place: str) -> list[str]:
    if isinstance(value, str):
        return [value]
    if not isinstance(value, (list, tuple)) or not all(isinstance(text, str) for text in value):
        raise SourceError(f"needs: {name}={_shown(value)} is no list of texts", place=place)
    return list(value)


def _size(value: Any, place: str) -> int:
    try:
        return sizes.size_in_bytes(value)
    except UsageError as error:
        raise SourceError(f"needs: memory={_shown(value)} is no size", place=place, remedy=error.remedy) from error


def _cores(value: Any, place: str) -> float:
    if type(value) not in (int, float) or not 0 <= value <= _CORES:  # no nan either
        remedy = 'half a core is needs={"cpu": 0.5}'
        raise SourceError(f"needs: cpu={_shown(value)} is no number of cores", place=place, remedy=remedy)
    return float(value)


def _shown(value: Any) -> str:
    return printable(repr(value), 60)


def _hint(error: Exception) -> str:
    remedy = (error.remedy if isinstance(error, UsageError) else None) or 'write it like "30s"'
    return f'{remedy}; or with a number of messages, as in "30s or 20 messages"'


def _one(name: str, read: Callable[[Any, str], Any]) -> Callable[[Any, str], dict[str, Any]]:
    return lambda value, place: {name: read(value, place)}


_READERS: Final = {
    "checkpoint": _checkpoint,
    "durability": _one("durability", _durability),
    "failover": _one("failover", _failover),
    "catch_up": _one("catch_up", _catch_up),
    "needs": _one("needs", _needs),
    "priority": _one("priority", _priority),
    "labels": _one("labels", _labels),
    "on": _one("on", triggers.read_on),
    "every": _one("every", triggers.read_every),
    "at": _one("at", triggers.read_at),
    "cron": _one("cron", triggers.read_cron),
    "mode": _one("mode", triggers.read_mode),
    "limit": _one("limit", triggers.read_limit),
}
SETTINGS: Final = tuple(_READERS)
"""What `@function` takes."""
