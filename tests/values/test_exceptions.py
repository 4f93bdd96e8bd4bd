"""Exceptions keep all that people and programs look at: type, arguments, attributes, notes, chain, groups."""

from __future__ import annotations

import csv
import http.client
import json
import queue
import socket
import sqlite3
import struct
import subprocess

import pytest
from by_name import there_and_back


class Picky(Exception):  # noqa: N818
    def __init__(self, code, *, detail):
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class Slotted(ValueError):  # noqa: N818
    __slots__ = ("where",)


class MissingError(OSError):
    pass


def trip(value):
    return there_and_back(value, own=__name__)


def raised(call):
    try:
        call()
    except BaseException as error:
        return error
    raise AssertionError


CASES = {
    "plain": ValueError("text", 5),
    "without arguments": KeyError(),
    "division": raised(lambda: 1 / 0),
    "key": raised(lambda: {}["k"]),
    "missing file": raised(lambda: open("/does/not/exist")),  # noqa: SIM115, PTH123
    "two files": OSError(18, "cross", "from", None, "to"),
    "import": raised(lambda: __import__("does_not_exist_at_all")),
    "unicode": raised(lambda: b"\xff".decode()),
    "encode": raised(lambda: "\udc80".encode()),
    "syntax": raised(lambda: compile("a b", "file.py", "exec")),
    "stop": StopIteration(5),
    "exit": SystemExit(3),
    "interrupt": KeyboardInterrupt(),
    "name": raised(lambda: undefined_name),  # noqa: F821
    "attribute": raised(lambda: (1).nothing),
    "json": raised(lambda: json.loads("{")),
    "picky": Picky(5, detail="bad"),
    "own os error": MissingError(2, "no", "file"),
    "timeout": TimeoutError("late"),
    "process": subprocess.CalledProcessError(2, ["a"], "out"),
    "address": socket.gaierror(-2, "unknown"),
    "queue": queue.Empty(),
    "csv": csv.Error("e"),
    "database": sqlite3.OperationalError("locked"),
    "struct": struct.error("s"),
    "http": http.client.RemoteDisconnected("gone"),
}
FIELDS = ("errno", "strerror", "filename", "filename2", "name", "path", "msg", "encoding", "object", "start", "end",
          "reason", "lineno", "offset", "text", "end_lineno", "value", "code", "obj", "doc", "pos", "detail")  # fmt: skip


@pytest.mark.parametrize("error", CASES.values(), ids=CASES)
def test_an_exception_keeps_type_text_arguments_and_fields(error):
    back = trip(error)
    assert type(back) is type(error)
    assert (str(back), repr(back), back.args) == (str(error), repr(error), error.args)
    for field in FIELDS:
        assert getattr(back, field, "none") == getattr(error, field, "none"), field


def test_notes_and_own_attributes_are_kept():
    error = ValueError("v")
    error.add_note("the first")
    error.extra = [error]
    back = trip(error)
    assert back.__notes__ == ["the first"]
    assert back.extra[0] is back


def test_slots_of_an_own_exception_are_kept():
    error = Slotted("v")
    error.where = "here"
    assert trip(error).where == "here"


def test_cause_context_and_suppression_are_kept_apart():
    def chain():
        first = raised(lambda: 1 / 0)
        try:
            {}["k"]
        except KeyError as second:
            second.__context__ = first
            raise ValueError("v") from first

    error = raised(chain)
    back = trip(error)
    assert (type(back.__cause__), type(back.__context__)) == (ZeroDivisionError, KeyError)
    assert back.__suppress_context__ is True
    assert back.__context__.__context__ is back.__cause__
    hidden = ValueError()
    hidden.__context__, hidden.__suppress_context__ = KeyError(), True
    assert (trip(hidden).__suppress_context__, trip(hidden).__cause__) == (True, None)
    shown = ValueError()
    shown.__cause__, shown.__suppress_context__ = KeyError(), False
    assert trip(shown).__suppress_context__ is False


def test_exception_groups_keep_their_tree():
    group = ExceptionGroup("all", [ValueError("a"), ExceptionGroup("inner", [KeyError("b"), OSError(5, "io")])])
    back = trip(group)
    assert (back.message, len(back.exceptions)) == ("all", 2)
    assert str(back.exceptions[1].exceptions[1]) == "[Errno 5] io"
    assert len(back.subgroup(KeyError).exceptions) == 1
    base = trip(BaseExceptionGroup("b", [KeyboardInterrupt()]))
    assert type(base) is BaseExceptionGroup


class OwnGroup(ExceptionGroup):
    def derive(self, excs):
        return OwnGroup(self.message, excs)


def test_a_group_of_an_own_class_keeps_its_class():
    back = trip(OwnGroup("own", [ValueError()]))
    assert type(back) is OwnGroup
    assert type(back.split(ValueError)[0]) is OwnGroup


def test_an_exception_that_is_raised_again_gets_its_context():
    back = trip(ValueError("again"))

    def again():
        try:
            {}["k"]
        except KeyError:
            raise back  # noqa: B904

    assert raised(again) is back
    assert type(back.__context__) is KeyError
