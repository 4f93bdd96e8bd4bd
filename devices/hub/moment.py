"""Wall clock as messages spell it; never used to decide anything."""

from __future__ import annotations

from datetime import UTC, datetime

from devices.errors import ProtocolError, printable


def now() -> str:
    """Returns the present moment in UTC, RFC 3339, to the millisecond."""
    return spelled(datetime.now(UTC).timestamp())


def seconds(text: str) -> float:
    """Returns what `spelled` spelled, in seconds since 1970.

    Raises:
        ProtocolError: no moment in RFC 3339.
    """
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise ProtocolError(f"{printable(text, 50)!r} is no moment in RFC 3339") from error


def spelled(moment: float) -> str:
    """Returns a moment in seconds since 1970, RFC 3339, in UTC, to the millisecond."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
