"""A function that gives a logger another handler is refused by name and runs on; at the module's level it may."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from devices.errors import CannotTravelError, ProtocolError
from devices.runtime.python.ambient import Ambient
from tests.engine.harness import EveryStop, Execution, Library, Program, source_of

INSIDE = """
import logging

def main():
    log = logging.getLogger("test_loggers")
    log.addHandler(logging.StreamHandler())
    one = 1
    log.handlers.clear()
    two = 2
    return one + two
"""


@pytest.fixture(autouse=True)
def no_handlers_left() -> Iterator[None]:
    yield
    logging.getLogger("test_loggers").handlers.clear()


def test_a_capture_while_a_handler_is_there_that_import_has_not_made_is_refused() -> None:
    execution = Execution(Program.load(source_of(INSIDE), library=Library()))
    stops = EveryStop(execution, 1, 100)
    assert execution.start("main", [], {}) == 3
    refused = [error for error in stops.refusals if isinstance(error, CannotTravelError)]
    assert refused
    assert "handlers of the logger 'test_loggers'" in str(refused[0])
    assert {image.place.statement for image in stops.images} >= {"two = 2", "return one + two"}


def test_a_handler_that_import_makes_and_one_that_says_nothing_hold_nothing_up() -> None:
    logging.getLogger("test_loggers").addHandler(logging.StreamHandler())
    ambient = Ambient(frozenset({"logging.handlers"}), {})
    logging.getLogger("test_loggers").addHandler(logging.NullHandler())
    assert list(ambient.changed()) == []


@pytest.mark.parametrize("state", [(), (0,), (0, [("a",)]), ("a", []), (0, [("a", 1, 2, 3)])], ids=str)
def test_settings_that_are_none_are_refused(state: tuple[object, ...]) -> None:
    with pytest.raises(ProtocolError):
        Ambient(frozenset(), {}).set("logging", state)
