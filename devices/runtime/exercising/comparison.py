"""Where two runs differ, for people: the first place, what was expected there and what came."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import zip_longest
from typing import Final, NamedTuple

from devices.runtime.exercising.packets import Outcome, Picture
from devices.runtime.exercising.picture import without_addresses

_SHOWN: Final = 300


class Pair(NamedTuple):
    """What was expected and what came, each with its place."""

    expected: str
    got: str


def difference(
    expected: Outcome,
    got: Outcome,
    *,
    imported: Mapping[str, Picture] | None = None,
    travels: Collection[str] = (),
) -> Pair | None:
    """Returns the first difference; ``None``: the runs are equal.

    Args:
        expected: the uninterrupted run's.
        got: the other's.
        imported: the state after import, where ``got`` is of a run that went on in another process. A global that the
            rest of the function could not reach did not travel and is there as import made it; that is no difference.
        travels: the globals that were in the capture.
    """
    if (found := _ending(expected, got)) is not None:
        return found
    if expected.output != got.output:
        wanted_text, text = _text(expected.output), _text(got.output)
        if wanted_text != text:
            return _texts("printed: ", wanted_text, text)
    for name in sorted({*expected.state, *got.state}):
        wanted, came = expected.state.get(name), got.state.get(name)
        left_behind = imported is not None and name not in travels and came == imported.get(name)
        if wanted != came and not left_behind:
            return _pictures(wanted or _as_imported(name), came or _as_imported(name))
    return None


def _as_imported(name: str) -> Picture:
    return [(0, name, "as import made it")]


def _ending(expected: Outcome, got: Outcome) -> Pair | None:
    wanted, came = expected.result or expected.error or [], got.result or got.error or []
    return None if wanted == came else _pictures(wanted, came)


def _pictures(expected: Picture, got: Picture) -> Pair:
    if expected[:1] and got[:1] and expected[0][1] != got[0][1]:
        return Pair(_whole(expected), _whole(got))
    index = next(index for index, (one, other) in enumerate(zip_longest(expected, got, fillvalue=None)) if one != other)
    return Pair(_at(expected, index, got), _at(got, index, expected))


def _whole(tokens: Picture) -> str:
    """The beginning of a picture: an error with its texts, a result with its first elements."""
    return _cut(", ".join(f"{step} {text}".strip() for _, step, text in tokens if text != "tuple of 0"))


def _at(tokens: Picture, index: int, other: Picture) -> str:
    if index >= len(tokens):
        return f"nothing more, where the other has {_place(other, index)}"
    return _cut(f"{_place(tokens, index)}: {tokens[index][2]}")


def _place(tokens: Picture, index: int) -> str:
    depth, step, _ = tokens[index]
    steps = [step]
    for above, how, _ in reversed(tokens[:index]):
        if above < depth:
            depth = above
            steps.append(how)
    return "".join(reversed(steps))


def _text(output: bytes) -> str:
    return without_addresses(output.decode(errors="backslashreplace"))


def _texts(what: str, expected: str, got: str) -> Pair:
    """Two texts from the line on in which they differ."""
    one, other = expected.splitlines(keepends=True), got.splitlines(keepends=True)
    first = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return Pair(_lines(what, one[first:], first), _lines(what, other[first:], first))


def _lines(what: str, lines: list[str], first: int) -> str:
    if not lines:
        return f"{what}nothing after line {first}"
    return _cut(f"{what}line {first + 1}: {''.join(lines)!r}")


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
