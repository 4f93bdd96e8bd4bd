"""Two interpreters that serve all exercises of a session: to start one costs more than many captures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from devices.runtime.exercise import Exercise, Findings, exercise
from devices.runtime.exercising.choice import choose_function
from devices.runtime.exercising.interpreter import Interpreter
from devices.runtime.source import Source

Exercised = Callable[..., Findings]


@pytest.fixture(scope="session")
def interpreters() -> Iterator[tuple[Interpreter, Interpreter]]:
    with Interpreter() as home, Interpreter() as away:
        yield home, away


@pytest.fixture
def exercised(interpreters: tuple[Interpreter, Interpreter]) -> Exercised:
    """Exercises a function of a text, or of several files."""

    def exercised(text: str | dict[str, str], function: str = "", **how: Any) -> Findings:
        files = {"program.py": text} if isinstance(text, str) else text
        source = Source(next(iter(files)).removesuffix(".py"), files)
        asked = Exercise(source, choose_function(source, function), **how)
        return exercise(asked, *interpreters)

    return exercised
