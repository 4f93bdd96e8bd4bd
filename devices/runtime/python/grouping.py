"""What ``except*`` does between its clauses, for the normal form of it (`tries`): PEP 654, by hand.

The state of one ``try`` lies in a plain list in a hidden local, so that it travels like any other value:
``[exception, rest, current, matched, raised]``. ``rest`` is what no clause has taken yet. ``current`` is being handled:
the exception, then what the last matching clause has taken. ``matched`` says whether the clause at hand has taken
something; ``None``: what it names cannot be caught, and ``current`` is the error. ``raised`` is what handlers raised.

Where Pythons differ, this one is asked: what may be caught, and whether a single exception is wrapped.
"""

from __future__ import annotations

from typing import Any, Final

EXCEPTION: Final = 0
REST: Final = 1
CURRENT: Final = 2
MATCHED: Final = 3
RAISED: Final = 4


class _Probe(Exception):  # noqa: N818  (nothing went wrong)
    pass


def _wraps_one() -> bool:
    """Tells whether a single new exception leaves ``except*`` in a group (3.11.0 to 3.11.3)."""
    try:
        try:
            raise ExceptionGroup("", [_Probe()])
        except* _Probe:
            raise _Probe from None
    except _Probe:
        return False
    except ExceptionGroup:
        return True
    raise AssertionError


_WRAPS_ONE: Final = _wraps_one()


def _refusal(kind: Any) -> Exception | None:
    """Returns the error that Python raises where ``except*`` may not name this."""
    try:
        try:
            raise _Probe
        except* kind:
            pass
    except _Probe:
        return None
    except Exception as error:  # noqa: BLE001  (a metaclass may raise anything)
        return error.with_traceback(None)
    return None


def parted(exception: BaseException) -> list[Any]:
    """Returns the state for an exception that has been caught."""
    return [exception, exception, exception, False, []]


def part(parts: list[Any], kind: Any) -> None:
    """Takes what one clause catches out of the rest."""
    refused = _refusal(kind)
    if refused is not None:
        refused.__context__ = None
        parts[CURRENT], parts[MATCHED] = refused, None
        return
    rest = parts[REST]
    match: BaseException | None = None
    if rest is not None and _is_of(rest, kind):
        match, rest = rest, None
        if not isinstance(match, BaseExceptionGroup):
            match = BaseExceptionGroup("", (match,))  # a tuple, as its repr shows
    elif isinstance(rest, BaseExceptionGroup):
        match, remaining = rest.split(kind)
        rest = rest if match is None else remaining
    parts[MATCHED] = match is not None
    if match is not None:
        parts[REST], parts[CURRENT] = rest, match


def _is_of(exception: BaseException, kind: Any) -> bool:
    """Tells whether an exception is caught by a class or a tuple of classes; ``__instancecheck__`` is not asked."""
    return any(each in type(exception).__mro__ for each in (kind if isinstance(kind, tuple) else (kind,)))


def merge(parts: list[Any]) -> None:
    """Makes what leaves the whole ``try`` current: nothing, what nobody has taken, what was raised, or a group of these."""
    exception, rest, _, _, raised = parts
    parts[CURRENT] = _merged(exception, rest, raised)


def _merged(exception: BaseException, rest: BaseException | None, raised: list[BaseException]) -> BaseException | None:
    if not isinstance(exception, BaseExceptionGroup):
        return raised[0] if raised else rest
    old = [each for each in raised if _is_part(each, exception)]
    new = [each for each in raised if not _is_part(each, exception)]
    kept = _projected(exception, [*old, *([] if rest is None else [rest])])
    if not new:
        return kept
    if kept is not None:
        new.append(kept)
    return BaseExceptionGroup("", new) if len(new) > 1 or _WRAPS_ONE else new[0]


def _is_part(raised: BaseException, group: BaseException) -> bool:
    """Tells whether a handler has raised just what it was given: that keeps the group's traceback, cause and context."""
    return (
        raised.__traceback__ is group.__traceback__
        and raised.__cause__ is group.__cause__
        and raised.__context__ is group.__context__
    )


def _projected(group: BaseExceptionGroup[Any], parts: list[BaseException]) -> BaseException | None:
    """Returns the group with the leaves of these parts alone, in its own structure."""
    leaves: set[int] = set()
    waiting = list(parts)
    while waiting:
        each = waiting.pop()
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions
        else:
            leaves.add(id(each))
    if not leaves:
        return None
    return group.subgroup(lambda each: id(each) in leaves)


HIDDEN: Final[dict[str, Any]] = {".parted": parted, ".part": part, ".merge": merge}
"""The hidden built-ins."""
