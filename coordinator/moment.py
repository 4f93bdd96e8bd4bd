"""The time of day as it is written: RFC 3339 in UTC, to the millisecond, so that texts sort like times."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """Returns the present time."""
    return spelled(datetime.now(UTC))


def spelled(moment: datetime) -> str:
    """Returns a time, which has a zone, as `now` returns the present one."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def age(text: str) -> float | None:
    """Returns the seconds since a time that `now` or a hub wrote; ``None`` if it is none. Never negative."""
    then = seconds(text)
    return None if then is None else max(0.0, datetime.now(UTC).timestamp() - then)


def seconds(text: str) -> float | None:
    """Returns a time that `now` or a hub wrote in seconds since 1970; ``None`` if it is none."""
    try:
        then = datetime.fromisoformat(text)
        return then.replace(tzinfo=then.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return None
