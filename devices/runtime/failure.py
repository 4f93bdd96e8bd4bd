"""How a function failed, told as its author reads it: its own files and lines, none of ours."""

from __future__ import annotations

import traceback
from collections.abc import Collection, Iterable
from types import TracebackType

from devices.errors import MidstreamError

LONGEST = 16_000  # characters of a traceback that travel in a message
_MOST_FRAMES = 40
_AFTER_WHICH = "\nAfter which, or because of which:\n\n"
_MOST_LINKS = 10  # causes and contexts


def in_one_line(error: BaseException) -> str:
    """Returns type and message: ``ValueError: tele/plug/SENSOR: ...``."""
    if isinstance(error, MidstreamError):
        return f"{type(error).__name__}: {error}"  # without our package's name
    return "".join(traceback.format_exception_only(type(error), error)).strip()


def users_traceback(error: BaseException, files: Collection[str]) -> str:
    """Returns a traceback as Python prints it, with the frames of these files alone, causes and contexts first.

    Args:
        error: what the function raised.
        files: the names under which the function's files were compiled.
    """
    text = _AFTER_WHICH.join(_one(link, files) for link in _chain(error))
    return text if len(text) <= LONGEST else text[: LONGEST // 2] + "\n  ...\n" + text[-LONGEST // 2 :]


def users_line(trace: TracebackType | None, files: Collection[str]) -> str:
    """Returns ``file:line`` of the innermost frame of the user's, empty if there is none."""
    lines = [f"{frame.filename}:{frame.lineno}" for frame in _frames(trace, files)]
    return lines[-1] if lines else ""


def _chain(error: BaseException) -> Iterable[BaseException]:
    links: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in links and len(links) < _MOST_LINKS:
        links.append(current)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return reversed(links)


def _one(error: BaseException, files: Collection[str]) -> str:
    frames = _frames(error.__traceback__, files)
    text = "Traceback (most recent call last):\n" if frames else ""
    if len(frames) > _MOST_FRAMES:
        half = _MOST_FRAMES // 2
        text += _shown(frames[:half]) + f"  ... {len(frames) - 2 * half} more ...\n" + _shown(frames[-half:])
    else:
        text += _shown(frames)
    text += in_one_line(error) + "\n"
    if isinstance(error, BaseExceptionGroup):
        for number, inner in enumerate(error.exceptions[:_MOST_LINKS], 1):
            text += f"  {number}. {_one(inner, files)}".replace("\n", "\n     ").rstrip(" ")
    return text


def _frames(trace: TracebackType | None, files: Collection[str]) -> list[traceback.FrameSummary]:
    if trace is None:
        return []
    return [frame for frame in traceback.extract_tb(trace) if frame.filename in files]


def _shown(frames: list[traceback.FrameSummary]) -> str:
    """The frames without column marks: the code that runs is the normal form, its columns are not the author's."""
    lines = [f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}\n    {frame.line}\n' for frame in frames]
    return "".join(lines)
