"""Stops a program at a marked line, and lets it go on with other source."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

from devices.runtime.python.engine import Execution
from devices.runtime.python.library import Library
from devices.runtime.python.program import Program
from devices.runtime.python.upgrading.image import Upgrade, upgraded
from devices.runtime.source import Source
from tests.engine.harness import captured

HERE = "# here"
"""Marks the line at which the old program is stopped, in its innermost frame."""


def source(text: str, **others: str) -> Source:
    """A program of the main file and of others by name."""
    files = {"program.py": dedent(text), **{f"{name}.py": dedent(other) for name, other in others.items()}}
    return Source("program", files)


def image_of(old: Source, occurrence: int = 0) -> bytes:
    """Runs a program's main() and returns its image at the marked line, the n-th time it was there."""
    execution = Execution(Program.load(old, library=Library()))
    stops, _ = captured(execution, lambda: execution.start("main", [], {}))
    found = [image.data for image in stops.images if HERE in image.place.statement]
    return found[occurrence]


def onto(old: str | Source, new: str | Source, occurrence: int = 0) -> Upgrade:
    """What becomes of the old program, stopped at the marked line, on the new source."""
    old, new = (each if isinstance(each, Source) else source(each) for each in (old, new))
    return upgraded(image_of(old, occurrence), old, new)


def goes_on(upgrade: Upgrade, new: str | Source) -> Any:
    """Returns what the program returns in the end, on its new source."""
    assert upgrade.lands, (upgrade.frames, upgrade.obstacles)
    new = new if isinstance(new, Source) else source(new)
    return Execution(Program.load(new, library=Library())).resume(upgrade.image)


def reasons(upgrade: Upgrade) -> list[str]:
    """Why it does not land."""
    assert not upgrade.lands
    assert upgrade.image == b""
    return [frame.reason for frame in upgrade.frames if frame.reason] + upgrade.obstacles
