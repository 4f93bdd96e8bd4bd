"""Ends of waits by the wall clock, across times in which the function was not running.

A function may come back hours after the moment that it slept for. What is due then is its author's business, so there
are three policies (``catch_up``): *run*: what is overdue ends at once; *skip*: what is overdue by more than a minute waits
for its next turn, at the next time of day or the next multiple of the duration; *continue*: the time that was left when the
state was read goes on from the start.

The policy is applied when a wait is taken up, and only then: a clock that is set while the function runs ends its waits
early or late by as much, as it does with an alarm clock. `outlook` says beforehand what will happen, from the same values
and by the same rule.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, Final

import msgspec

from devices.protocol import durations
from devices.protocol.waits import CatchUp, Deadline, Wait
from devices.runtime import clock

if TYPE_CHECKING:  # a worker must not pay for signatures
    from devices.protocol.checkpoint import Header

GRACE: Final = 60.0
"""Seconds by which a moment may be overdue and is still run under *skip*: a move or a reboot is no downtime."""


def after(duration: str | float | timedelta, catch_up: CatchUp) -> Deadline:
    """Returns the end of a duration that begins now.

    Raises:
        UsageError: it is no duration.
    """
    seconds = durations.seconds(duration)
    return Deadline(at=clock.wall() + seconds, every=seconds, catch_up=catch_up)


def until(moment: str | datetime, zone: tzinfo, catch_up: CatchUp) -> Deadline:
    """Returns the end that ``until=`` names: a time of day, which comes every day, or a moment, which comes once.

    Raises:
        UsageError: it is neither.
    """
    daily = "" if isinstance(moment, datetime) else str(moment)
    return Deadline(at=clock.moment(moment, zone), daily=daily, catch_up=catch_up)


def left(deadline: Deadline) -> float:
    """Returns the seconds until then; negative if it is past."""
    return deadline.at - clock.wall()


def read(deadline: Deadline) -> Deadline:
    """Returns the deadline with what is left at this moment, never less than nothing."""
    return msgspec.structs.replace(deadline, left=max(0.0, left(deadline)))


def counting(deadline: Deadline) -> float | None:
    """Returns the seconds that are left, if they pass only while the function runs; else ``None``."""
    return max(0.0, left(deadline)) if deadline.catch_up == "continue" else None


def state(deadline: Deadline | None) -> dict[str, Any]:
    """Returns what `taken_up` takes: with what is left at this moment, if that counts."""
    if deadline is None:
        return {"until": None}
    return {
        "until": deadline.at,
        "left": counting(deadline),
        "every": deadline.every or None,
        "daily": deadline.daily or None,
        "catch_up": deadline.catch_up,
    }


def taken_up(state: dict[str, Any], zone: tzinfo) -> Deadline | None:
    """Takes the values of `state` out of an effect's state; returns the deadline as its policy has it now.

    The first images had only ``until``, and were of functions that run what is overdue.
    """
    at, seconds, every = state.pop("until"), state.pop("left", None), state.pop("every", None)
    daily, catch_up = state.pop("daily", None), state.pop("catch_up", "run")
    if at is None:
        return None
    read = Deadline(at=at, left=seconds or 0.0, every=every or 0.0, daily=daily or "", catch_up=catch_up)
    return caught_up(read, zone, clock.wall())


def caught_up(deadline: Deadline, zone: tzinfo, now: float) -> Deadline:
    """Returns the deadline of a function that starts now, in seconds since 1970."""
    at = deadline.at
    if deadline.catch_up == "continue":
        at = now + deadline.left
    elif deadline.catch_up == "skip" and at + GRACE < now:
        if deadline.daily:
            at = clock.moment(deadline.daily, zone, now)
        elif deadline.every > 0:
            at += math.ceil((now - at) / deadline.every) * deadline.every
    return msgspec.structs.replace(deadline, at=at)


def outlook_of(header: Header) -> str:
    """Returns in words what the function of a checkpoint waits for, and what will happen when it starts from it.

    Empty if it does not wait.
    """
    if header.wait is None:
        return ""
    return outlook(header.wait, clock.zone_or_utc(str(header.function.settings.get("timezone", "UTC"))), clock.wall())


def outlook(wait: Wait, zone: tzinfo, now: float) -> str:
    """Returns in words what a function waits for that is not running, and what will happen when it starts.

    Args:
        wait: as its newest checkpoint has it.
        zone: the site's.
        now: seconds since 1970.
    """
    subject, ends, deadline = wait.topics, [], wait.deadline
    if deadline is not None:
        if deadline.at > now and deadline.catch_up != "continue":
            subject = f"{wait.topics or 'sleeps'} until {clock.shown(deadline.at, zone, now)}"
        else:
            ends.append(_at_start(deadline, zone, now))
    if wait.listening is not None:
        ends.append(f"{durations.words(wait.listening)} of listening left")
    return ", ".join(filter(None, [subject, *ends]))


def _at_start(deadline: Deadline, zone: tzinfo, now: float) -> str:
    if deadline.catch_up == "continue":
        return f"{durations.words(deadline.left)} left, goes on at start"
    since, following = clock.shown(deadline.at, zone, now), caught_up(deadline, zone, now).at
    if following <= now:
        return f"overdue since {since}, runs at start"
    return f"overdue since {since}, skipped: next at {clock.shown(following, zone, now)}"
