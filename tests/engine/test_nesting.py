"""Every construct inside every other one, stopped at every statement."""

from __future__ import annotations

import textwrap
from itertools import product

import pytest

from tests.engine.harness import exercise, source_of

PREAMBLE = """
log = []


class Oops(Exception):
    pass


class Guard:
    def __init__(self, name, eat):
        self.name = name
        self.eat = eat

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        log.append((self.name, kind and kind.__name__))
        return self.eat


def note(x):
    log.append(x)
    return x


def fail(x):
    raise Oops(note(x))


def count(n):
    for i in range(n):
        got = yield note(i)
        note(got)
"""

AROUND = {
    "for": "for i{n} in [1, 2]:\n    BODY\nelse:\n    note('else')",
    "for with break": "for i{n} in count(3):\n    BODY\n    if note(i{n}):\n        break\nelse:\n    note('never')",
    "for with continue": "for i{n} in range(2):\n    if note(i{n}) == 0:\n        continue\n    BODY",
    "for else": "for i{n} in []:\n    pass\nelse:\n    BODY",
    "while": "k{n} = 0\nwhile note(k{n}) < 2:\n    k{n} += 1\n    BODY",
    "while true": "k{n} = 0\nwhile True:\n    BODY\n    k{n} += 1\n    if k{n} == 2:\n        break",
    "while else": "k{n} = 0\nwhile note(k{n}) < 1:\n    k{n} += 1\nelse:\n    BODY",
    "group": "try:\n    BODY\n    raise ExceptionGroup('{n}', [Oops(1), KeyError(2)])\nexcept* Oops as e{n}:\n    log.append(repr(e{n}))\nexcept* KeyError:\n    log.append('key')\nfinally:\n    note('finally')",
    "group handler": "try:\n    try:\n        raise ExceptionGroup('{n}', [Oops(1), KeyError(2)])\n    except* Oops as e{n}:\n        BODY\n    finally:\n        note('finally')\nexcept* KeyError as e{n}:\n    log.append(repr(e{n}))",
    "if": "if note(1) and not note(0):\n    BODY\nelse:\n    note('never')",
    "elif": "if note(0):\n    note('never')\nelif note(2) > 1 < note(3):\n    BODY",
    "try": "try:\n    BODY\n    fail('{n}')\nexcept Oops as e{n}:\n    note(repr(e{n}))\nelse:\n    note('never')",
    "handler": "try:\n    fail('{n}')\nexcept (KeyError, Oops) as e{n}:\n    BODY\n    note((repr(e{n}), repr(e{n}.__context__)))",
    "nameless handler": "try:\n    try:\n        fail('{n}')\n    except Oops:\n        BODY\n        raise\nexcept Oops:\n    note('again')",
    "else": "try:\n    note('{n}')\nexcept Oops:\n    note('never')\nelse:\n    BODY",
    "finally": "try:\n    note('{n}')\nfinally:\n    BODY",
    "finally after an exception": "try:\n    try:\n        fail('{n}')\n    finally:\n        BODY\nexcept Oops as e{n}:\n    note(repr(e{n}))",
    "finally after a return": "def f{n}():\n    try:\n        return note('returned')\n    finally:\n        BODY\nnote(f{n}())",
    "finally after a break": "for i{n} in [1, 2]:\n    try:\n        if i{n} == 2:\n            break\n        continue\n    finally:\n        BODY",
    "with": "with Guard('{n}', True) as g{n}:\n    BODY\n    note(g{n}.name)\n    fail('eaten')",
    "two managers": "with Guard('a{n}', False), Guard('b{n}', True):\n    BODY",
    "match": "match note([1, {n}]):\n    case [1, m{n}] if m{n}:\n        BODY\n    case _:\n        note('never')",
    "match with a guard that calls": "match note({n}):\n    case 77:\n        note('never')\n    case m{n} if note(m{n} > 0):\n        BODY",
    "function": "def f{n}(x, y=note(5)):\n    BODY\n    return x + y\nnote(f{n}(1) + f{n}(x=2, y=3))",
    "closure": "c{n} = note(0)\ndef f{n}():\n    nonlocal c{n}\n    c{n} += 1\n    BODY\n    return c{n}\nnote([f{n}(), c{n}, f{n}()])",
    "generator": "def f{n}():\n    yield 1\n    BODY\n    yield 2\nfor i{n} in f{n}():\n    note(i{n})",
    "yield from": "def f{n}():\n    BODY\n    yield 1\n    return 2\ndef h{n}():\n    note((yield from f{n}()))\nfor i{n} in h{n}():\n    note(i{n})",
    "method": "class C{n}:\n    pass\no{n} = Guard('{n}', False)\ndef f{n}(self):\n    BODY\n    return self.name\nnote(f{n}(o{n}))",
}
LEAF = "note('leaf')\nz = note(1) + note(2)\nlog.append(z)"


def program(outer: str, inner: str) -> str:
    text = LEAF
    for n, name in ((2, inner), (1, outer)):
        frame = AROUND[name].replace("{n}", str(n))
        lines = []
        for line in frame.split("\n"):
            indent = line[: len(line) - len(line.lstrip())]
            lines.append(textwrap.indent(text, indent) if line.strip() == "BODY" else line)
        text = "\n".join(lines)
    return PREAMBLE + "\n\ndef main():\n" + textwrap.indent(text, "    ") + "\n    return note('end')\n"


@pytest.mark.parametrize("outer", AROUND)
def test_every_construct_inside_this_one_is_resumed_equal(outer: str, long_run: bool) -> None:
    for inner in AROUND:
        report = exercise(source_of(program(outer, inner)), every=1 if long_run else 4)
        assert report.different == [], inner
        assert report.taken > 0


def test_every_pair_is_resumed_equal_in_the_second_generation(long_run: bool) -> None:
    pairs = list(product(AROUND, AROUND))
    for outer, inner in pairs if long_run else pairs[::61]:
        report = exercise(source_of(program(outer, inner)), every=2, generations=2)
        assert report.different == [], (outer, inner)
