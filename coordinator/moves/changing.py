"""A checkpoint with changed source, or with other values in its variables: what an upgrade and an edited branch go on from.

All of it is decided here from the bytes and the two sources; nothing of the function runs. It takes a moment for large
sources and states: callers have it done in a thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from coordinator.moves.starting import Code
from devices.errors import RefusedError, UsageError
from devices.protocol import checkpoint as blobs
from devices.protocol.checkpoint import FunctionRecord, Header, Place
from devices.runtime.declaration import check_arguments
from devices.runtime.python.editing import edited
from devices.runtime.python.upgrading.image import Upgrade, upgraded
from devices.runtime.source import Source


@dataclass(frozen=True, slots=True)
class Change:
    """What shall be different.

    Attributes:
        code: the source to go on with; ``None``: its own.
        values: of variables, by name.
    """

    code: Code | None = None
    values: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """A changed checkpoint without an id of its own yet, and what became of its frames."""

    header: Header
    packed: bytes
    upgrade: Upgrade


def examined(blob: bytes, code: Code) -> Upgrade:
    """Returns what would become of a checkpoint with changed source.

    Raises:
        MidstreamError: the checkpoint or the source cannot be read.
    """
    decoded = blobs.decode(blob)
    old, new = _sources(decoded.header.function, code)
    return upgraded(decoded.image, old, new) if decoded.header.image is not None else Upgrade()


def changed(blob: bytes, change: Change) -> Changed:
    """Returns a checkpoint as it goes on.

    Raises:
        RefusedError: something in it does not land on the changed source; the reason is in it.
        UsageError: a variable that is not there; arguments that do not fit.
        MidstreamError: the checkpoint or the source cannot be read.
    """
    decoded = blobs.decode(blob)
    header, image, upgrade = decoded.header, decoded.image, Upgrade()
    source = Source(header.function.module, header.function.files)
    if change.code is not None:
        source, new = _sources(header.function, change.code)
        if header.image is not None:
            upgrade = upgraded(image, source, new)
            check_landed(header.instance, upgrade)
            image = upgrade.image
        source = new
        header = _with_code(header, change.code, upgrade)
    if change.values:
        if header.image is None:
            raise UsageError(
                "the function has not started there: it has no variables yet",
                place="--set",
                remedy="start it with other arguments: midstream run FILE --arg NAME=VALUE",
            )
        image = edited(image, source, change.values)
    if header.image is None:
        return Changed(header, b"", upgrade)
    record, packed = blobs.pack_image(image)
    return Changed(msgspec.structs.replace(header, image=record), packed, upgrade)


def check_landed(instance: str, upgrade: Upgrade) -> None:
    """Raises an error if something does not land.

    Raises:
        RefusedError: with the reason.
    """
    if upgrade.lands:
        return
    frame = next((frame for frame in upgrade.frames if frame.reason), None)
    where = f"{frame.function}() at line {frame.line} does not land" if frame else "a value does not land"
    raise RefusedError(
        f"{where}: {frame.reason if frame else upgrade.obstacles[0]}",
        remedy=f"midstream upgrade {instance} FILE --dry-run tells it for each frame",
    )


def _sources(old: FunctionRecord, code: Code) -> tuple[Source, Source]:
    """Returns the two sources; the new main file gets the old one's name, by which its functions are known."""
    main = f"{old.module}.py"
    others = {path: text for path, text in code.source.files.items() if path != code.source.main_file}
    files = {main: code.source.files[code.source.main_file], **others}
    return Source(old.module, old.files), Source(old.module, files)


def _with_code(header: Header, code: Code, upgrade: Upgrade) -> Header:
    record = record_of(header.function, code, started=header.image is not None)
    return msgspec.structs.replace(header, function=record, place=_place(header.place, upgrade))


def record_of(old: FunctionRecord, code: Code, *, started: bool) -> FunctionRecord:
    """Returns the function as it goes on: changed source, the arguments that it was started with.

    Raises:
        UsageError: it has not started, and the arguments do not fit the changed parameters.
    """
    _, source = _sources(old, code)
    return FunctionRecord(
        name=code.declaration.name,
        module=source.module,
        files=source.files,
        digest=source.digest,
        arguments=old.arguments if started else check_arguments(code.declaration, old.arguments),
        settings=code.plain_settings(old.settings.get("timezone", "UTC")),
    )


def _place(place: Place | None, upgrade: Upgrade) -> Place | None:
    if place is None:
        return None
    frames = upgrade.frames[: upgrade.running]
    return Place(
        line=f"{frames[-1].file}:{frames[-1].new_line}",
        statement=place.statement,
        frames=[f"{frame.function} {frame.file}:{frame.new_line}" for frame in frames],
    )
