"""Every error that Midstream raises on purpose, under one root.

An error names the thing, the place and the remedy, and knows the exit status of the command line. It keeps its type
across the wire: ``to_wire`` and ``from_wire`` carry it in an answer, so that the person who asked from another machine
reads the same sentence. A peer's text is cut and cleaned before it is shown.
"""

from __future__ import annotations

from typing import ClassVar

LONGEST_SHOWN = 2000  # characters of a peer's text that are shown to a person; guards terminals and logs


def printable(text: str, limit: int = LONGEST_SHOWN) -> str:
    """Returns ``text`` without control characters (line breaks stay) and cut to ``limit`` characters."""
    clean = "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text[:limit])
    return clean if len(text) <= limit else clean + " ..."


class MidstreamError(Exception):
    """Root of all errors raised on purpose.

    Args:
        message: what is wrong, naming the thing.
        place: where: a file and line, a topic, a hub; ``None`` if the message says it all.
        remedy: what to do about it, as a sentence; ``None`` if there is nothing to do.
    """

    slug: ClassVar[str] = "error"
    exit_status: ClassVar[int] = 1

    def __init__(self, message: str, *, place: str | None = None, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.remedy = remedy

    @property
    def sentence(self) -> str:
        """What is wrong and where, in one line, without the remedy."""
        return f"{self.place}: {self.message}" if self.place else self.message

    def __str__(self) -> str:
        return f"{self.sentence}\n  {self.remedy}" if self.remedy else self.sentence

    def to_wire(self) -> dict[str, str]:
        """Returns the error as a JSON object of strings: slug, message, and place and remedy where there are."""
        fields = {"slug": self.slug, "message": self.message, "place": self.place, "remedy": self.remedy}
        return {key: value for key, value in fields.items() if value is not None}


class UsageError(MidstreamError):
    """The words of the call are off: a missing file, an unknown option's value."""

    slug = "usage"
    exit_status = 2


class ConfigurationError(UsageError):
    """A configuration file, environment variable or rule file says something that cannot be."""

    slug = "configuration"


class SourceError(UsageError):
    """A function's file cannot be used: missing, a syntax error, no function in it."""

    slug = "source"


class UnreachableError(MidstreamError):
    """The broker or the coordinator does not answer, or refuses the password."""

    slug = "unreachable"
    exit_status = 3


class RefusedError(MidstreamError):
    """The thing asked for exists but may not be done now, or names what does not exist."""

    slug = "refused"
    exit_status = 4


class FencedError(RefusedError):
    """Someone with an older epoch tried to act for an instance."""

    slug = "fenced"


class CannotTravelError(RefusedError):
    """A value, or a construct, that a checkpoint cannot hold; ``place`` is the path to it."""

    slug = "cannot-travel"


class CannotStopError(RefusedError):
    """No statement was reached within the time limit at which the function can be stopped."""

    slug = "cannot-stop"


class ProtocolError(MidstreamError):
    """Bytes from elsewhere that are not what the contract says."""

    slug = "protocol"


class DamagedError(ProtocolError):
    """A blob that was cut short or altered: its digest or signature does not fit."""

    slug = "damaged"


class NewerFormatError(ProtocolError):
    """Written by a newer version than this one can read."""

    slug = "newer-format"


class RestoreError(MidstreamError):
    """A checkpoint could not be made to run again."""

    slug = "restore"


def _family(root: type[MidstreamError]) -> dict[str, type[MidstreamError]]:
    return {root.slug: root} | {slug: kind for sub in root.__subclasses__() for slug, kind in _family(sub).items()}


def from_wire(fields: object) -> MidstreamError:
    """Returns the error that a peer's ``to_wire`` described; an unknown slug gives the root type.

    Args:
        fields: the decoded JSON; anything but an object of strings gives a ``ProtocolError``.
    """
    if not isinstance(fields, dict) or not all(isinstance(v, str) for v in fields.values()) or "message" not in fields:
        return ProtocolError("an answer carries an error that is not described as one")
    kind = _family(MidstreamError).get(fields.get("slug", ""), MidstreamError)
    texts = {key: printable(fields[key]) for key in ("place", "remedy") if key in fields}
    return kind(printable(fields["message"]), **texts)
