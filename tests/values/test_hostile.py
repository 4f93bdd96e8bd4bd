"""A heap that `encode` did not write is refused as such; none of its wishes is run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections import deque

import pytest
from by_name import ByName

from devices.errors import ProtocolError
from devices.runtime.python.values import Registered, Travels, decode, from_cbor, to_cbor

RAN = []


class Own:
    def __init__(self):
        RAN.append("__init__")

    def __setstate__(self, state):
        RAN.append("__setstate__")

    def __setattr__(self, name, value):
        RAN.append("__setattr__")


class Cleaner:
    def __del__(self):
        RAN.append("__del__")


def ran(*arguments):
    RAN.append("a function")
    return 1


def collect(heap, roots=None):
    registered = Registered(types={Own: Travels("own", str, lambda _: RAN.append("restore"))})
    return decode(heap, [[0]] if roots is None else roots, ByName(__name__), registered)


class_ = [11, "name", [__name__, "Own"], 0]
CALL = [[11, "name", [__name__, "ran"], 0], [1, 1, 2]]
HOSTILE = {
    "no list": 5,
    "no node": [5],
    "empty node": [[]],
    "unknown tag": [[99]],
    "unknown word": [["eval", "1"]],
    "bool as tag": [[True]],
    "float as tag": [[0.0, 1]],
    "list as tag": [[[0]]],
    "index too large": [[0, [1]]],
    "negative index": [[0, [-1]]],
    "bool as index": [[0, [True]]],
    "huge index": [[0, [2**62]]],
    "empty reference": [[0, []]],
    "long reference": [[0, [0, 0]]],
    "reference of text": [[0, ["0"]]],
    "map in a slot": [[0, {}]],
    "tuple holds itself": [[1, [0]]],
    "two tuples hold each other": [[1, [1]], [1, [0]]],
    "frozenset holds itself": [[6, [0]]],
    "range of itself": [["range", [0], 1, 1]],
    "map over itself": [["made", "map", None, [1], [0]], [10, "builtins", "len"]],
    "unhashable key": [[2, [1], 1], [0]],
    "unhashable element": [[5, [1]], [0]],
    "dict as key": [[2, [0], 1]],
    "tuple of a list as key": [[2, [1], 1], [1, [2]], [0]],
    "same key twice": [[2, 1, 1, "a", "b"]],
    "same key of two types": [[2, 1, 1.0, "a", "b"]],
    "same element twice": [[5, 1, True]],
    "odd dict": [[2, 1]],
    "record without shape": [[3]],
    "record with a huge shape": [[3, 2**62]],
    "record with a negative shape": [[3, -1], [4]],
    "record with a reference as shape": [[3, [1]], [4]],
    "record with a bool as shape": [[3, True], [4]],
    "record with a list as shape": [[3, 1, 5], [0]],
    "record with itself as shape": [[3, 0]],
    "record too short": [[3, 1], [4, "a"]],
    "record too long": [[3, 1, 1, 2], [4, "a"]],
    "shape of numbers": [[4, 1]],
    "shape with the same name twice": [[4, "a", "a"]],
    "text of bytes": [[8, b""]],
    "bytes of text": [[9, ""]],
    "text without": [[8]],
    "int of text": [["int", "5"]],
    "float of 3 bytes": [["float", b"abc"]],
    "date that is none": [["date", 2026, 13, 1]],
    "date of bools": [["date", True, True, True]],
    "datetime too short": [["datetime", 1, 1, 1]],
    "datetime of text": [["datetime", "a", 1, 1, 0, 0, 0, 0, 0, None]],
    "zone that leads out": [["zone", "../../etc/passwd"]],
    "zone by an absolute path": [["zone", "/etc/passwd"]],
    "decimal of words": [["decimal", "five"]],
    "fraction by zero": [["fraction", 1, 0]],
    "fraction of text": [["fraction", "1", 1]],
    "uuid of 3 bytes": [["uuid", b"abc", "unknown"]],
    "path of an unknown class": [["path", "Popen", "x"]],
    "pattern that is none": [["pattern", "(", 0]],
    "pattern of many brackets": [["pattern", [1], 0], [8, "(" * 50_000]],
    "range by zero": [["range", 0, 1, 0]],
    "memoryview of a list": [["memoryview", [1], "B"], [0]],
    "memoryview of an odd format": [["memoryview", [1], "xx"], [9, b"abc"]],
    "os.system": [[10, "os", "system"]],
    "os.system under another name": [[10, "posix", "system"]],
    "os._wrap_close": [[10, "os", "popen"]],
    "subprocess": [[10, "subprocess", "Popen"]],
    "subprocess by another way": [[10, "subprocess", "CalledProcessError.__init__"]],
    "sys.exit": [[10, "sys", "exit"]],
    "shutil.rmtree": [[10, "shutil", "rmtree"]],
    "eval": [[10, "builtins", "eval"]],
    "eval by a walk": [[10, "builtins", "print.__self__.eval"]],
    "open": [[10, "io", "open"]],
    "a module that is not loaded": [[10, "antigravity", "geohash"]],
    "a module that the program does not import": [[10, "ftplib", "FTP"]],
    "a walk through a class": [[10, "collections", "Counter.__init__.__globals__"]],
    "a walk into a module of a module": [[10, "collections", "_sys.exit"]],
    "a function's globals": [[10, "json", "dumps.__globals__"]],
    "a runtime class": [[10, "devices.errors", "MidstreamError"]],
    "a reference of numbers": [[10, 1, 2]],
    "an endless name": [[10, "builtins", ".".join(["a"] * 100)]],
    "a module": [["module", "subprocess"]],
    "a module of the runtime": [["module", "devices.errors"]],
    "partial of nothing": [["partial", None, None, None, None]],
    "method of nothing": [["method", None, None]],
    "bound method that is not builtin": [["bound", [1], "__init__"], [7, [2], 3], class_, [4]],
    "bound method that is not there": [["bound", [1], "nothing"], [0]],
    "globals of a builtin": [["bound", [1], "__globals__"], [10, "json", "dumps"]],
    "operator of another kind": [["operator", "eval", None, "1"]],
    "instance of no class": [[7, 5, 1], [4]],
    "instance of a function": [[7, [1], 2], [10, "builtins", "len"], [4]],
    "instance of a builtin class": [[7, [1], 2], [10, "builtins", "list"], [4]],
    "instance of a class of classes": [[7, [1], 2], [10, "builtins", "type"], [4]],
    "instance of an enum": [[7, [1], 2], [10, "re", "RegexFlag"], [4]],
    "instance that cleans up": [[7, [1], 2], [10, "email.message", "Cleaner"], [4]],
    "instance with a wrong base": [[12, [1], [2], 3], class_, [0], [4]],
    "instance of the engine with bad words": [[11, "name", [__name__], 0]],
    "the engine's nothing": [[11]],
    "the engine's needs too many": [[11, "cell", None, 5]],
    "the engine's module of others": [[11, "name", ["os", "system"], 0]],
    "member of no enum": [["member", [1], "X"], class_],
    "member that is not there": [["member", [1], "NOT"], [10, "re", "RegexFlag"]],
    "flags of no enum": [["flags", [1], 5], class_],
    "flags of text": [["flags", [1], "5"], [10, "re", "RegexFlag"]],
    "exception of no exception": [["exception", [1], [2], None, None, False, None, None, 3], class_, [1], [4]],
    "exception with a text as cause": [
        ["exception", [1], [2], "why", None, False, None, None, 3], [10, "builtins", "KeyError"], [1], [4],
    ],
    "exception too short": [["exception", [1]], [10, "builtins", "KeyError"]],
    "group of texts": [
        ["exception", [1], [2], None, None, False, None, [4], 3], [10, "builtins", "ExceptionGroup"], [1], [4],
        [1, "m", [5]], [0, "x"],
    ],
    "iterator of an unknown kind": [["iterator", "file", None, None]],
    "iterator over another kind": [["iterator", "list", [1], 0], [1]],
    "iterator with a text as index": [["iterator", "list", [1], "a"], [0]],
    "dict iterator with too much left": [["dict-iterator", "keys", [1], 5], [2]],
    "dict iterator over a list": [["dict-iterator", "keys", [1], 0], [0]],
    "view of a list": [["view", "keys", [1]], [0]],
    "made by eval": [["made", "eval", None, "1"]],
    "map of nothing": [["made", "map", None]],
    "enumerate of a number": [["made", "enumerate", None, 5, 0]],
    "deque with a text as bound": [["deque", "a"]],
    "deque with a negative bound": [["deque", -1]],
    "default of a number": [["default", 5]],
    "array of an unknown code": [["array", "z", 1, b""]],
    "array of 3 bytes": [["array", "d", 8, b"abc"]],
    "match beyond its groups": [["match", [1], "text", 0, 4, [2], None], ["pattern", "a", 0], [1]],
    "random without state": [["random", [1]], [1, 3]],
    "single that is a function": [["single", "builtins", "print"]],
    "single of a module that is not the program's": [["single", "posix", "environ"]],
    "single with a state": [["single", "calendar", "c"]],
    "decimal context without numbers": [["decimal-context", "a", 1, 2, 3, 4, 5, [], []]],
    "decimal context with unknown signals": [["decimal-context", 3, "ROUND_UP", -9, 9, 1, 0, ["Signal"], []]],
    "text file of numbers": [["text-file", 1, 2, 3, 4]],
    "named that is not there": [["named", "ctx"]],
    "registered that is not there": [["registered", "nothing", 1]],
    "library method of a list": [["library-method", [1], "append"], [0]],
    "weak reference to a number": [["weak", 5]],
    "weak reference with a callback": [["weak", [1], [2]], [5], [10, "builtins", "print"]],
    "product that runs a map": [["made", "product", None, [1]], ["made", "map", None, [2], [3]], *CALL],
    "permutations that run a map": [["made", "permutations", None, [1], 1], ["made", "map", None, [2], [3]], *CALL],
    "combinations of an iterator": [["made", "combinations", None, [1], 1], ["made", "map", None, [2], [3]], *CALL],
    "random that runs a map": [["random", [1]], [1, 2, [4], None], *CALL, ["made", "map", None, [2], [3]]],
    "partial that runs a map": [
        ["partial", [2], [1], [4], [4]], ["made", "map", None, [2], [3]], *CALL, [2],
    ],
    "operator with another mapping": [["operator", "methodcaller", [1], "x"], [7, [2], 3], class_, [4]],
    "match that runs a map": [
        ["match", [4], "text", 0, 4, [1], None], ["made", "map", None, [2], [3]], *CALL, ["pattern", "a", 0],
    ],
    "group that runs a map": [
        ["exception", [5], [6], None, None, False, None, [4], 7], ["made", "map", None, [2], [3]], *CALL, [1, "m", [1]],
        [10, "builtins", "ExceptionGroup"], [1], [4],
    ],
    "sixty tuples, each twice in the next, as a key": [[2, [1], 0], *([1, [n + 2], [n + 2]] for n in range(60)), [1]],
    "sixty tuples, each twice in the next, in a set": [[5, [1]], *([1, [n + 2], [n + 2]] for n in range(60)), [1]],
    "frozensets of doubled tuples": [[6, [1]], *([1, [n + 2], [n + 2]] for n in range(60)), [1]],
    "a thousand keys of doubled tuples": [
        *([2, [1000], n] for n in range(1000)), *([1, [n + 1001], [n + 1001]] for n in range(20)), [1],
    ],
    "long regular expressions": [*(["pattern", [3], n] for n in range(3)), [8, "a" * 7000]],
    "a chain of maps": [*(["made", "map", None, [100_000], [n + 1]] for n in range(100_000)), *CALL[:1]],
    "a chain of methods": [*(["method", [100_000], [n + 1]] for n in range(100_000)), *CALL[:1]],
    "a chain of slices": [*(["slice", [n + 1], None, None] for n in range(100_000)), [0]],
    "alias of calls": [["union", 1, 2]],
    "struct of text": [["struct", 5]],
    "logger of numbers": [["logger", 5]],
}  # fmt: skip


@pytest.mark.parametrize("heap", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_heap_is_refused_and_nothing_runs(heap, monkeypatch):
    import email.message

    monkeypatch.setattr(email.message, "Cleaner", Cleaner, raising=False)
    monkeypatch.setattr(Cleaner, "__module__", "email.message")
    with pytest.raises(ProtocolError) as refusal:
        collect(heap)
    assert len(str(refusal.value)) < 600
    assert RAN == []


@pytest.mark.parametrize("roots", [None, 5, [[1]], [[-1]], [{}], [[[0]]], [["a"]]])
def test_hostile_roots_are_refused(roots):
    with pytest.raises(ProtocolError):
        decode([[0]], roots, ByName(), Registered())


def test_an_instance_is_made_without_its_own_methods():
    (own,) = collect([[7, [1], 2, 5], class_, [4, "x"]])
    assert vars(own) == {"x": 5}
    assert RAN == []


def test_ten_thousand_integers_with_one_hash_are_refused_quickly():
    modulus = sys.hash_info.modulus
    keys = [["int", (n * modulus).to_bytes(12, "big")] for n in range(10_000)]
    heap = [[5, *([n] for n in range(1, 10_001))], *keys]
    started = time.process_time()
    with pytest.raises(ProtocolError, match="same hashes"):
        collect(heap)
    assert time.process_time() - started < 60  # comparing each with each takes minutes, this a tenth of a second


def test_a_key_nested_a_hundred_thousand_deep_is_refused():
    depth = 100_000
    heap = [[2, [1], 0], *([1, [n + 2]] for n in range(depth)), [1]]
    with pytest.raises(ProtocolError, match="deep"):
        collect(heap)


def test_a_tuple_nested_a_hundred_thousand_deep_is_fine():
    depth = 100_000
    (value,) = collect([*([1, [n + 1]] for n in range(depth)), [1]])
    for _ in range(depth):
        (value,) = value
    assert value == ()


def test_a_reference_to_nothing_harmful_is_fine():
    assert collect([[10, "builtins", "len"]]) == [len]


def test_the_program_can_refer_to_what_it_imports_but_not_run_it():
    assert collect([[10, "email.message", "Message"]])[0].__name__ == "Message"
    with pytest.raises(ProtocolError):
        collect([[10, "os", "execv"]])
    assert os.system
    assert subprocess.Popen


def image(heap):
    return to_cbor({"heap": heap, "roots": [[0]]})


def test_any_byte_changed_gives_values_or_a_refusal_and_nothing_else():
    heap = [
        [0, [1], [2], [3], [5], [6], [8], [9], [10], [11], [12]], [2, 1, [3], "a", [0]], [3, 4, 1, 2.5], [1, "y", "x"],
        [4, "a", "b"], [5, 1, "b", b"c"], [7, [7], 4, 1, [0]], class_, ["iterator", "list", [0], 1],
        ["exception", [13], [3], None, [9], False, None, None, 4, 1, 2], ["datetime", 2026, 1, 2, 3, 4, 5, 6, 0, None],
        ["made", "enumerate", None, [8], 3], ["pattern", "a+", 32], [10, "builtins", "KeyError"],
    ]  # fmt: skip
    good = image(heap)
    record = from_cbor(good)
    collect(record["heap"], record["roots"])
    for position in range(len(good)):
        for change in (1, 0x80, 0x20):
            data = bytearray(good)
            data[position] ^= change
            try:
                record = from_cbor(bytes(data))
                collect(record.get("heap"), record.get("roots"))
            except ProtocolError:
                pass
    assert RAN == []


def test_iterators_of_a_hostile_heap_end():
    (queue,) = collect([["made", "_deque_iterator", None, [1], 2**60], ["deque", 3, 1, 2, 3]])
    assert list(queue) == []
    assert deque([1])
    assert re.compile("a")
