"""The time of day as it is written: RFC 3339 in UTC, to the millisecond, so that texts sort like times."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """Returns the present time."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def age(text: str) -> float | None:
    """Returns the seconds since a time that `now` or a hub wrote; ``None`` if it is none. Never negative."""
    try:
        then = datetime.fromisoformat(text)
    except ValueError:
        return None
    return max(0.0, (datetime.now(UTC) - then.replace(tzinfo=then.tzinfo or UTC)).total_seconds())
