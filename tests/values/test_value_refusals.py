"""What cannot travel is refused before anything is given up, with the path to it and what to do instead."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import logging
import queue
import re
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import types
import zlib
from collections import OrderedDict, deque
from concurrent.futures import ThreadPoolExecutor

import pytest
from by_name import ByName, there_and_back

from devices.errors import CannotTravelError
from devices.runtime.python.values import Registered, Travels, encode


class Client:
    def __init__(self, *pool):
        self.pool = list(pool)


class Slotted:
    __slots__ = ("inner",)

    def __init__(self, inner):
        self.inner = inner


class OwnList(list):
    pass


def refusal(*values, where="value {}".format):
    with pytest.raises(CannotTravelError) as caught:
        encode(values, ByName(__name__), Registered(), where=where)
    return caught.value


def test_the_path_leads_from_the_variable_to_the_value():
    error = refusal(1, Client(threading.local()), where=["watch(): line 14: n", "watch(): line 14: conn"].__getitem__)
    assert error.place == "watch(): line 14: conn.pool[0]"
    assert "local" in error.message
    assert str(error).startswith("watch(): line 14: conn.pool[0]: a thread, or what threads share")


LOCK = threading.local()
DEEP = [LOCK]
for _ in range(50):
    DEEP = [DEEP]
PATHS = {
    "x": LOCK,
    "x[1]": [0, LOCK],
    "x[0][1]": ((0, LOCK),),
    "x['k']": {"k": LOCK},
    "x[5][2]": {5: (0, 1, LOCK)},
    "x[(1, 2)]": {1: 2, (1, 2): LOCK},
    "x['a']['b'].inner": {"a": {"b": Slotted(LOCK)}},
    "x.pool[0].pool[1]": Client(Client(0, LOCK)),
    "x (an element)": {LOCK},
    "x (key 0)": {LOCK: 1, 2: 3},
    "x.args[0]": ValueError(LOCK),
    "x[0] ": OwnList([LOCK]),
    "x[1] ": deque([0, LOCK]),
    "x['k'] ": OrderedDict(k=LOCK),
    "x.k": types.SimpleNamespace(k=LOCK),
}


@pytest.mark.parametrize(("path", "value"), PATHS.items(), ids=PATHS)
def test_each_step_of_a_path_is_named(path, value):
    assert refusal(value, where=lambda _: "x").place == path.strip()


def test_the_context_of_an_exception_is_a_step():
    error = ValueError()
    error.__context__ = KeyError()
    error.__context__.extra = [LOCK]
    assert refusal(error, where=lambda _: "e").place == "e.__context__.extra[0]"


def test_a_very_long_path_is_shown_by_its_ends():
    assert refusal(DEEP, where=lambda _: "x").place == "x" + "[0]" * 8 + " ... 35 more ... " + "[0]" * 8


def test_the_shortest_of_several_paths_is_shown():
    shared = [LOCK]
    assert refusal({"far": {"away": shared}}, shared, where="v{}".format).place == "v1[0]"


def closed(thing):
    thing.close()
    return thing


KINDS = {
    "socket": (lambda: closed(socket.socket()), "a socket", "close it before"),
    "open file": (lambda: closed(open(__file__)), "an open file", "ctx.open"),  # noqa: SIM115, PTH123
    "binary file": (lambda: closed(io.open(__file__, "rb")), "an open file", "ctx.open"),  # noqa: UP020, SIM115
    "barrier": (lambda: threading.Barrier(2), "what threads share", "one thread"),
    "thread": (lambda: threading.Thread(target=len), "a thread", "one thread"),
    "log handler": (logging.StreamHandler, "what threads share", "one thread"),
    "queue": (queue.Queue, "queue", "collections.deque"),
    "simple queue": (queue.SimpleQueue, "queue", "collections.deque"),
    "database": (lambda: closed(sqlite3.connect(":memory:")), "database", "@per_hub"),
    "pool": (lambda: ThreadPoolExecutor(1), "pool", "one thread"),
    "process": (lambda: ended(subprocess.Popen([sys.executable, "-c", ""])), "child process", "wait for it"),
    "event loop": (lambda: closed(asyncio.new_event_loop()), "event loop", "async"),
    "hash": (hashlib.sha256, "hash", "hash them at the end"),
    "csv reader": (lambda: csv.reader([]), "csv", "list"),
    "csv writer": (lambda: csv.writer(io.StringIO()), "csv", "list"),
    "compressor": (zlib.compressobj, "compressed", "in one piece"),
    "found so far": (lambda: re.finditer("a", "aaa"), "regular expression", "list(pattern.finditer"),
    "temporary folder": (lambda: cleaned(tempfile.TemporaryDirectory()), "temporary", "stays on its hub"),
    "foreign generator": (lambda: (n for n in ()), "generator", "list"),
    "code": (lambda: refusal.__code__, "code", "function"),
    "frame": (lambda: sys._getframe(), "frame", "frame"),
    "C object": (lambda: sys.flags, "Python cannot see", "make it again"),
}


def ended(process):
    process.wait()
    return process


def cleaned(folder):
    folder.cleanup()
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_named_with_its_remedy(kind):
    make, what, remedy = KINDS[kind]
    error = refusal([make()])
    assert what in error.message
    assert remedy in error.remedy
    assert error.place == "value 0[0]"


def test_names_that_a_program_could_use_to_run_things_do_not_travel():
    import os

    for function in (eval, exec, open, os.system, subprocess.run, __import__, compile):
        error = refusal([function])
        assert "cannot travel" in error.message


def test_a_module_that_the_program_does_not_import_is_named():
    assert "import sqlite3 at the top" in refusal(sqlite3).remedy


def test_a_class_made_in_a_function_of_another_module_is_named():
    local = type("Local", (), {"__module__": "shlex", "__qualname__": "f.<locals>.Local"})
    assert "inside a function" in refusal(local()).message


def test_a_class_that_is_not_what_its_name_says_is_refused():
    assert "not what is found" in refusal(type("Counter", (), {"__module__": "collections"})).message


def test_an_object_whose_class_cleans_up_elsewhere_is_refused():
    cleaner = type("Cleaner", (), {"__module__": "shlex", "__del__": lambda self: None})
    assert "cleans up after itself" in refusal(cleaner()).message


def test_a_refusal_leaves_the_values_as_they_were():
    items = [1, 2, LOCK]
    iterator = iter(items)
    next(iterator)
    refusal(iterator, items)
    assert items == [1, 2, LOCK]
    assert next(iterator) == 2
    assert there_and_back(iterator.__length_hint__()) == 1


def test_a_value_that_raises_when_it_is_read_is_refused_by_its_path():
    class Broken:
        pass

    def state(_):
        raise ZeroDivisionError("no state")

    registered = Registered(types={Broken: Travels("broken", state, Broken)})
    with pytest.raises(CannotTravelError, match=r"Broken cannot be read: ZeroDivisionError: no state") as caught:
        encode([[1, {"a": Broken()}]], ByName(__name__), registered)
    assert caught.value.place == "value 0[1]['a']"
