"""Files of `ctx.open`: they go on at their position, on the same hub later or on another hub now.

They are Python's own files, put together from its parts, with three differences. They know how they were opened. A text
file that is iterated over can be asked where it stands; Python's own refuses, because its iteration reads ahead. And
what was written is on the disk before a checkpoint counts it as written (`settle`).

A file that was opened for writing is cut to the length that the checkpoint counts when it is opened again: what a copy
wrote behind that checkpoint, before its hub died, is written once more by the copy that goes on, and so is there once.
A file that is appended to may be others' too and is never cut.
"""

from __future__ import annotations

import io
import os
import stat
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from devices.errors import CannotTravelError, RestoreError, UsageError
from devices.runtime.python.values import Travels

TextMode: TypeAlias = Literal["r", "w", "x", "a", "r+", "w+", "x+", "a+"]
BinaryMode: TypeAlias = Literal["rb", "wb", "xb", "ab", "rb+", "wb+", "xb+", "ab+"]
_MODES: Final = frozenset(f"{way}{plus}" for way in "rwxa" for plus in ("", "+"))
_ELSEWHERE: Final = "have it at the same path on every hub where the function may run, or keep the function on one hub"
_opened: weakref.WeakSet[Any] = weakref.WeakSet()


class _Bytes(io.BufferedIOBase):
    """What the files of bytes have in common: ``path`` is absolute, ``way`` the mode without its ``b``."""

    path: str
    way: str

    @property
    def mode(self) -> str:
        """The mode as `open` takes it."""
        return self.way[0] + "b" + self.way[1:]


class Reader(io.BufferedReader, _Bytes):
    """A file of bytes that is read."""


class Writer(io.BufferedWriter, _Bytes):
    """A file of bytes that is written."""


class Both(io.BufferedRandom, _Bytes):
    """A file of bytes that is read and written."""


class Text(io.TextIOWrapper):
    """A file of text over one of bytes."""

    newlines_as: str | None
    mode: str

    def __next__(self) -> str:  # type: ignore[override]  # (typeshed says bytes)
        line = self.readline()
        if not line:
            raise StopIteration
        return line


def open_file(path: str | os.PathLike[str], mode: str, encoding: str, errors: str | None, newline: str | None) -> Any:
    """Returns a file of `ctx.open`; see there.

    Raises:
        UsageError: a mode that is none.
        OSError: as from `open`.
    """
    way = mode.replace("b", "", 1).replace("t", "", 1)
    if way not in _MODES or len(mode) - len(way) > 1:
        raise UsageError(
            f"ctx.open(mode={mode!r}) cannot be", remedy='it is as for open(): "r", "w", "a", "rb", "r+" ...'
        )
    below = _bytes_file(str(Path(path).absolute()), way, way)
    if "b" in mode:
        _opened.add(below)
        return below
    try:
        return _text_file(below, way, encoding, errors, newline)
    except BaseException:
        below.close()
        raise


def _bytes_file(path: str, way: str, mode: str) -> Reader | Writer | Both:
    raw: Any = io.FileIO(path, mode)
    kind: Any = Both if "+" in way else Reader if way == "r" else Writer
    made: Reader | Writer | Both = kind(raw)
    made.path, made.way = path, way
    return made


def _text_file(below: Any, mode: str, encoding: str, errors: str | None, newline: str | None) -> Text:
    made = Text(below, encoding, errors, newline)
    made.mode, made.newlines_as = mode, newline
    _opened.add(made)
    return made


def settle() -> bool:
    """Brings to the disk what was written; returns whether no file is open, which would have its position in the system.

    Raises:
        CannotTravelError: the disk does not take it.
    """
    open_files = [file for file in list(_opened) if not file.closed]
    for file in open_files:
        if not file.writable():
            continue
        try:
            file.flush()
            if file.seekable():
                os.fsync(file.fileno())
        except OSError as error:
            raise CannotTravelError(
                f"what was written to {_path(file)} cannot be brought to the disk: {error.strerror}",
                remedy="make room on that disk",
            ) from error
    return not open_files


def _path(file: Any) -> str:
    return str(file.path if isinstance(file, _Bytes) else file.buffer.path)


# How they travel -----------------------------------------------------------------------------------------------------


def _bytes_state(file: Any) -> tuple[Any, ...]:
    if file.closed:
        return file.path, file.way, None, None
    if not file.seekable():
        raise CannotTravelError(
            f"{file.path} is open and has no position to go on at: it is a pipe or a device",
            remedy="open it in a function marked with @per_hub, which is called again after a move",
        )
    return file.path, file.way, file.tell(), os.fstat(file.fileno()).st_size


def _bytes_restored(state: tuple[str, str, int | None, int | None]) -> Any:
    path, way, position, size = state
    if position is None or size is None:
        closed = _bytes_file(os.devnull, way, way.replace("x", "r"))
        closed.path = path
        closed.close()
        return closed
    try:
        file = _bytes_file(path, way, way if way[0] in "ra" else "r+")
        present = os.fstat(file.fileno())
        if present.st_size < (position if way == "r" else size) and stat.S_ISREG(present.st_mode):
            file.close()
            raise RestoreError(
                f"a file of ctx.open() has {present.st_size} bytes here, it had {size} where the function comes from",
                place=path,
                remedy=_ELSEWHERE,
            )
        if way[0] in "wx":
            file.truncate(size)
        file.seek(position)
    except OSError as error:
        message = f"a file of ctx.open() cannot be opened again: {error.strerror}"
        raise RestoreError(message, place=path, remedy=_ELSEWHERE) from error
    _opened.add(file)
    return file


def _text_state(file: Text) -> tuple[Any, ...]:
    try:
        below = file.buffer
    except ValueError:
        raise CannotTravelError("a file of ctx.open() that is detached cannot travel", remedy="close it") from None
    _bytes_state(below)
    position = None if file.closed else file.tell()
    return below, file.mode, file.encoding, file.errors, file.newlines_as, position


def _text_restored(state: tuple[Any, ...]) -> Text:
    below, mode, encoding, errors, newline, position = state
    if position is None:
        with io.BytesIO() as nothing:
            made = Text(nothing, encoding, errors, newline)
            made.mode, made.newlines_as = mode, newline
        return made
    made = _text_file(below, mode, encoding, errors, newline)
    made.seek(position)
    return made


TRAVELS: Final[Mapping[type, Travels]] = {
    **{
        kind: Travels(f"file-{kind.__name__.lower()}", _bytes_state, _bytes_restored) for kind in (Reader, Writer, Both)
    },
    Text: Travels("file-text", _text_state, _text_restored),
}
