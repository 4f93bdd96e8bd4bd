"""What `functions.toml` would change: what it says of a function, beside what the store has of its instance.

A step is *safe* when nothing of what somebody has counted, stopped or started by hand is touched by it: such steps are
taken on save. All others wait for a person who has read them. Whether changed source lands where the function stands is
not decided here: an upgrade is safe if it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from coordinator.store.instances import ENDED
from devices.runtime.source import Source

Action = Literal["start", "begin", "upgrade", "mend", "move", "take over", "choose", "stop", "nothing", "refused"]
"""``begin``: from its start, under the name of one that has ended. ``mend``: one that failed goes on with changed source.
``choose``: from its start with what is new, or as it is until it ends."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is declared of one function.

    Attributes:
        owner: the folder's name.
        source: the code.
        function: its name in the source.
        arguments: checked.
        declared: what is kept with the instance: owner, args, settings, hub, as they were written.
        has_trigger: something starts it, each time as an instance of its own.
    """

    owner: str
    source: Source
    function: str
    arguments: Mapping[str, Any]
    declared: Mapping[str, Any]
    has_trigger: bool = False


@dataclass(frozen=True, kw_only=True)
class Present:
    """What the store has of an instance.

    Attributes:
        state: of it.
        wanted: what a person asked for, as in the store.
        hub: where it is.
        reason: of its state.
        branch: 1 for a trunk.
        declared: what was kept with it when it was last applied; empty for one that was started by hand.
        function: its function's name.
        module: of its source.
        digest: of its source, hexadecimal.
        arguments: with which it was started, of one that was started by hand.
        triggers: it is a trigger, which runs nothing itself: what changes counts for the runs that are to come.
    """

    state: str
    wanted: str
    hub: str
    reason: str
    branch: int
    declared: Mapping[str, Any]
    function: str
    module: str
    digest: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    triggers: bool = False


@dataclass(frozen=True)
class Step:
    """What would be done about one function.

    Attributes:
        action: what.
        why: in words.
        safe: whether it is done on save.
        changes: what differs, in words.
    """

    action: Action
    why: str
    safe: bool = False
    changes: tuple[str, ...] = ()


_MISSING: Final = object()


def step(wanted: Wanted, present: Present | None) -> Step:
    """Returns what would be done about a function that is declared."""
    if present is None:
        return Step("start", "it does not run yet", safe=True)
    if present.branch > 1:
        return Step("refused", "there is a branch of this name")
    owner = present.declared.get("owner", "")
    if owner not in ("", wanted.owner) and present.state not in ENDED:
        return Step("refused", f"it belongs to the folder {owner!r}; stop it, or give this one another name")
    ours = owner == wanted.owner
    changes = _changes(wanted, present)
    if present.triggers or wanted.has_trigger:
        return _started_by_something(wanted, present, changes, ours=ours)
    if present.state in ENDED:
        return _ended(present, changes, ours=ours)
    return _alive(present, changes, ours=ours)


def gone(present: Present) -> Step:
    """Returns what would be done about an instance that is declared no more."""
    if present.state in ENDED:
        return Step("nothing", "it has ended")
    return Step("stop", "it is declared no more")


def _started_by_something(wanted: Wanted, present: Present, changes: tuple[str, ...], *, ours: bool) -> Step:
    """A trigger holds nothing that could be lost: whatever has changed is for the runs to come."""
    if present.state in ENDED:
        by_hand = present.triggers and ours
        return Step("begin", f"it has {present.state}", safe=not by_hand, changes=changes if ours else ())
    if not present.triggers:
        return Step("refused", "it runs, and is to be started by a trigger: stop it first")
    if not wanted.has_trigger:
        return Step("refused", "nothing starts it any more, and it is a trigger: stop it first")
    if changes:
        why = "it has changed" if ours else "it was started by hand, with something else"
        return Step("upgrade", why, safe=ours, changes=changes)
    if not ours:
        return Step("take over", "it is there already, started by hand", safe=True)
    return Step("nothing", "it is as it is declared")


def _ended(present: Present, changes: tuple[str, ...], *, ours: bool) -> Step:
    if present.state == "failed" and ours:
        if changes == ():
            return Step("nothing", f"it failed: {present.reason}; with its mistake mended it goes on")
        if any(change.startswith(_ARGUMENT) for change in changes):
            return Step("begin", "it failed, and its arguments have changed", changes=changes)
        return Step("mend", "it failed, and its source has changed since", safe=True, changes=changes)
    if present.state == "failed":
        return Step("begin", "it was started by hand and failed", changes=changes)
    if not ours:
        return Step("begin", f"one of this name has {present.state}", safe=True)
    if present.state == "stopped":
        by_hand = present.wanted == "stopped"
        return Step("begin", f"it was stopped: {present.reason}", safe=not by_hand, changes=changes)
    if changes:
        return Step("begin", "it has finished, and has changed since", changes=changes)
    return Step("nothing", "it has finished")


def _alive(present: Present, changes: tuple[str, ...], *, ours: bool) -> Step:
    if any(change.startswith(_ARGUMENT) for change in changes):
        return Step("choose", "arguments cannot be changed in a function that runs", changes=changes)
    if any(not change.startswith(_HUB) for change in changes):
        if not ours:
            return Step("upgrade", "it was started by hand, with something else", changes=changes)
        if present.state == "suspended":
            return Step("upgrade", "it is suspended, and would go on", changes=changes)
        return Step("upgrade", "it has changed", safe=True, changes=changes)
    if not ours:
        return Step("take over", "it runs already, started by hand", safe=True, changes=changes)
    if changes:
        return Step("move", "it is declared for another hub", safe=True, changes=changes)
    return Step("nothing", "it is as it is declared")


_ARGUMENT: Final = "argument "
_HUB: Final = "hub "


def _changes(wanted: Wanted, present: Present) -> tuple[str, ...]:
    before, after = present.declared, wanted.declared
    found = []
    if _digest(wanted.source, present.module) != present.digest or wanted.function != present.function:
        found.append("source")
    if before:
        found += _differences(_ARGUMENT, before.get("args", {}), after.get("args", {}))
    else:
        found += _differences(_ARGUMENT, present.arguments, wanted.arguments)
    found += _differences("", before.get("settings", {}), after.get("settings", {}))
    if before.get("hub", "") != after.get("hub", ""):
        found.append(f"{_HUB}{before.get('hub') or 'any'} -> {after.get('hub') or 'any'}")
    return tuple(found)


def _digest(source: Source, module: str) -> str:
    """Returns the digest that the source has under the main file's name of before: an upgrade keeps that."""
    files = {path: text for path, text in source.files.items() if path != source.main_file}
    return Source(module, files | {f"{module}.py": source.files[source.main_file]}).digest.hex()


def _differences(kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    found = []
    for name in sorted({*before, *after}):
        old, new = before.get(name, _MISSING), after.get(name, _MISSING)
        if old != new or type(old) is not type(new):
            words = ["as in the source" if value is _MISSING else repr(value) for value in (old, new)]
            found.append(f"{kind}{name} {words[0]} -> {words[1]}")
    return found
