"""What is asked and answered about changed source: `upgrade`, and `apply` of what `functions.toml` says."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from coordinator.views.question import Question


class UpgradeAsk(Question, kw_only=True):
    """``upgrade``: an instance goes on with changed source, where it stands."""

    instance: str
    files: dict[str, str]  # relative path => source, main file first
    function: str = ""  # empty: the one of its name
    dry_run: bool = False  # only say what would become of it


class UpgradeFrame(msgspec.Struct, kw_only=True):
    """A frame of a function that shall go on with changed source: where it lands, or why it does not."""

    function: str
    file: str
    line: int
    statement: str
    new_line: int = 0  # 0: nowhere
    reason: str = ""
    waiting: bool = False  # a generator that is not on the stack


class UpgradeAnswer(msgspec.Struct, kw_only=True):
    """``upgrade``: what becomes, or would become, of an instance; what does not land stays with the source that it has."""

    instance: str
    hub: str
    epoch: int
    checkpoint: str  # that was looked at
    upgraded: str = ""  # the checkpoint made of it; empty for a dry run
    lands: bool
    frames: list[UpgradeFrame]  # outermost first
    obstacles: list[str]  # what else does not land, in words
    kept: list[str]  # globals that the program has changed: they keep their values
    downtime_ms: float = 0.0


class ApplyAsk(Question, kw_only=True):
    """``apply``: what `functions.toml` says of one function; what would be done about it, or ``action`` done.

    An action that is not what is to be done any more is refused: somebody has read what it was.
    """

    instance: str
    owner: str  # the folder's name
    files: dict[str, str] = {}  # relative path => source, main file first
    function: str = ""  # empty: the only one in the main file
    arguments: dict[str, Any] = {}
    hub: str = ""  # where it would best be
    settings: dict[str, Any] = {}  # as `@function` takes them
    gone: bool = False  # it is declared no more
    action: str = ""  # of the answer, to be carried out; empty: only say what it is


class AppliedRow(msgspec.Struct, kw_only=True):
    """``apply``: what is, or was, to be done about one function."""

    instance: str
    action: Literal["start", "begin", "upgrade", "mend", "move", "take over", "choose", "stop", "nothing", "refused"]
    why: str
    safe: bool = False  # it is done on save, nobody has to be asked
    changes: list[str] = []  # what differs from what runs, in words
    hub: str = ""  # where it is, or would go, or went; empty for what messages or times start
    starts: str = ""  # what starts it, in words
    place: str = ""  # why there, or why nowhere
    frames: list[UpgradeFrame] = []  # of a function that shall go on with changed source, outermost first
    obstacles: list[str] = []  # what else does not land, in words
    places: list[str] = []  # hubs that fit now
    unfit: dict[str, str] = {}  # hub => why not
    done: bool = False
    error: str = ""  # why it was not done
