"""`midstream inspect` shows a stopped function as a traceback with values: checked on functions that were really stopped."""

from __future__ import annotations

import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coordinator.cli.documents import InspectedFrame, Inspection
from coordinator.cli.inspection import inspected
from devices.protocol import checkpoint as blobs
from devices.protocol.waits import Deadline, Wait
from devices.runtime.python.capture import Image
from devices.runtime.python.engine import Execution
from devices.runtime.python.library import Library
from devices.runtime.python.program import Program
from devices.runtime.python.values import Registered
from devices.runtime.source import Source

TEXT = """
import array, datetime as dt, decimal, enum, fractions, functools, io, itertools, logging, operator, pathlib, random, re
import struct, time, types, uuid, weakref, zoneinfo
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple

history = []
settings = {"limit": 3}
colours = ["red"]
Point = namedtuple("Point", "x y")

class Colour(enum.Enum):
    RED = 1

class Sensor:
    made = 0
    def __init__(self, name):
        self.name = name
        self.self = self
        Sensor.made += 1
    def read(self):
        return 3

class Slotted:
    __slots__ = ("a",)

class Registry(dict):
    pass

def counting(limit):
    for i in range(limit):
        yield i

def read(number):
    try:
        try:
            [][number]
        except IndexError as error:
            raise ValueError("no reading") from error
    except ValueError as problem:
        doubled = number * 2
        return doubled
    finally:
        history.append(number)

def adder(n):
    def add(x):
        return x + n
    return add

def watch(value, limit):
    total = 0
    settings["limit"] = limit
    del globals()["colours"]
    for number in range(limit):
        total += read(number)
    return value, total
"""

VALUES = [
    ("deque([1, 2], 5)", "deque([1, 2], maxlen=5)"),
    ('Counter("aab")', "Counter({'a': 2, 'b': 1})"),
    ("OrderedDict(a=1)", "OrderedDict({'a': 1})"),
    ("defaultdict(list, a=[1])", "defaultdict(list, {'a': [1]})"),
    ("{1: (2,), 'b': {3}, 'c': frozenset()}", "{1: (2,), 'b': {3}, 'c': frozenset()}"),
    ("types.SimpleNamespace(a=1)", "namespace(a=1)"),
    ("types.MappingProxyType({1: 2})", "mappingproxy({1: 2})"),
    ("2**80", str(2**80)),
    ("float('nan')", "nan"),
    ("1+2j", "(1+2j)"),
    ("decimal.Decimal('3.50')", "Decimal('3.50')"),
    ("fractions.Fraction(1, 3)", "Fraction(1, 3)"),
    ("dt.datetime(2026, 11, 25, 2, 14, 9, tzinfo=dt.UTC)", "2026-11-25 02:14:09 UTC"),
    ("dt.datetime(2026, 11, 25, tzinfo=zoneinfo.ZoneInfo('Europe/Berlin'))", "2026-11-25 00:00:00 Europe/Berlin"),
    ("dt.date(2026, 1, 2)", "2026-01-02"),
    ("dt.time(2, 3, 4, 5)", "02:03:04.000005"),
    ("dt.timedelta(days=1, seconds=2)", "timedelta(days=1, seconds=2)"),
    ("dt.timezone(dt.timedelta(hours=1))", "timezone(timedelta(seconds=3600))"),
    ("uuid.UUID(int=1)", "UUID('00000000-0000-0000-0000-000000000001')"),
    ("pathlib.PurePosixPath('/a/b')", "PurePosixPath('/a/b')"),
    ("bytearray(b'ab')", "bytearray(b'ab')"),
    ("memoryview(b'ab')", "memoryview(b'ab', 'B')"),
    ("range(3), slice(1, None)", "(range(0, 3), slice(1, None, None))"),
    ("(..., NotImplemented)", "(Ellipsis, NotImplemented)"),
    ("'caf\\udce9'", "'caf\\udce9'"),
    ("iter([1, 2])", "<list_iterator at 0 of [1, 2]>"),
    ("{1: 2}.items()", "<dict_items of {1: 2}>"),
    ("iter({1: 2})", "<dict_keys_iterator, 1 left of {1: 2}>"),
    ("enumerate('ab')", "enumerate(<str_iterator at 0 of 'ab'>, 0)"),
    ("zip([1], [2])", "zip(<list_iterator at 0 of [1]>, <list_iterator at 0 of [2]>)"),
    ("array.array('H', range(50))", "array('H', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ... 38 more])"),
    ("re.compile('a+', re.I)", "re.compile('a+', re.IGNORECASE)"),
    ("re.match('a', 'abc')", "<Match of re.compile('a') in 'abc' at (0, 1)>"),
    ("random.Random(3)", "<Random with its state>"),
    ("io.StringIO('abc')", "<StringIO at 0 of 'abc'>"),
    ("decimal.Context(prec=9)", "Context(prec=9, rounding='ROUND_HALF_EVEN')"),
    ("time.gmtime(0)[:2], time.gmtime(0)", "((1970, 1), time.struct_time(1970, 1, 1, 0, 0, 0, ... 3 more))"),
    ("list[int], int | None", "(list[int], int | None)"),
    ("logging.getLogger('washer')", "Logger('washer')"),
    ("struct.Struct('<I')", "Struct('<I')"),
    ("module()", "<module re>"),
    ("Sensor('door').read", "<method Sensor.read of Sensor(name='door', self=<cycle to Sensor>)>"),
    ("[1].append", "<method append of [1]>"),
    ("functools.partial(read, 1, key=2)", "partial(<function read>, 1, key=2)"),
    ("operator.itemgetter(1, 2)", "itemgetter(1, 2)"),
    ("adder(4)", "<function adder.<locals>.add with n=4>"),
    ("Sensor", "<class Sensor>"),
    ("len, Counter", "(len, collections.Counter)"),
    ("Colour.RED", "Colour.RED"),
    ("re.I", "RegexFlag.IGNORECASE"),
    ("Point(1, 2)", "Point((1, 2))"),
    ("Registry(a=1)", "Registry({'a': 1})"),
    ("OSError(2, 'no such file', 'a.txt')", "FileNotFoundError(2, 'no such file', filename='a.txt')"),
    ("ExceptionGroup('two', [ValueError(1), KeyError('k')])", "ExceptionGroup('two', [ValueError(1), KeyError('k')])"),
    ("counting(3)", "<generator counting not begun, limit=3>"),
]  # fmt: skip


def stops(source: Source, run: str, *arguments: Any) -> Iterator[Image]:
    """Yields an image of every stop of a run."""
    images: list[Image] = []
    execution = Execution(Program.load(source, library=Library()))

    def take(image: Image) -> None:
        images.append(image)
        execution.request(take, lambda _: None, limit=1000.0)

    execution.request(take, lambda _: None, limit=1000.0)
    execution.start(run, list(arguments), {})
    return iter(images)


def blob_of(source: Source, image: Image, wait: Wait | None = None) -> bytes:
    record, packed = blobs.pack_image(image.data)
    header = blobs.Header(
        checkpoint="3f9a2c1b7d04e655",
        instance="washer",
        parent="",
        epoch=3,
        created="2026-11-25T03:00:00Z",
        hub="hub-a",
        reason="hot",
        function=blobs.FunctionRecord(
            name="watch", module=source.module, files=source.files, digest=source.digest, arguments={}, settings={}
        ),
        engine=blobs.EngineRecord(name="python", normal_form=2, python="3.11.7", implementation="cpython"),
        place=blobs.Place(
            line=f"{image.place.file}:{image.place.line}",
            statement=image.place.statement,
            frames=[f"{frame.function} {frame.file}:{frame.line}" for frame in image.frames],
        ),
        mailbox=blobs.MailboxRecord(subscriptions=[], unread=[], repeats=[], arrivals=0, delivered=0, dropped=0),
        outputs=[],
        sequence=0,
        image=record,
        wait=wait,
    )
    return blobs.encode(header, packed, Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


def stopped_at(statement: str, source: Source, run: str, *arguments: Any) -> bytes:
    """The blob of the last stop at a statement."""
    return blob_of(
        source, [image for image in stops(source, run, *arguments) if image.place.statement == statement][-1]
    )


def values_of(frame: InspectedFrame) -> dict[str, str]:
    return {variable.name: variable.value for variable in frame.variables}


@pytest.mark.parametrize(("expression", "drawn"), VALUES, ids=[expression for expression, _ in VALUES])
def test_a_value_of_a_stopped_function_is_readable(expression: str, drawn: str) -> None:
    text = f"{TEXT}\n\ndef module():\n    return re\n\n\ndef hold():\n    value = {expression}\n    'stop'.upper()\n    return value\n"
    source = Source("washer", {"washer.py": text})
    (frame,) = inspected(stopped_at("return value", source, "hold"), None).frames
    assert values_of(frame)["value"] == drawn


@pytest.fixture(scope="module")
def blob() -> bytes:
    return stopped_at("doubled = number * 2", Source("washer", {"washer.py": TEXT}), "watch", [1, 2], 3)


@pytest.fixture(scope="module")
def shown(blob: bytes) -> Inspection:
    return inspected(blob, None)


def test_frames_come_outermost_first_with_file_line_and_statement(shown: Inspection) -> None:
    outer, inner = shown.frames
    assert (outer.function, outer.statement) == ("watch", "total += read(number)")
    assert (inner.function, inner.statement) == ("read", "doubled = number * 2")
    assert TEXT.splitlines()[int(inner.line.partition(":")[2]) - 1].strip() == inner.statement
    assert values_of(outer) == {"limit": "3", "number": "2", "total": "2", "value": "[1, 2]"}


def test_a_loop_tells_how_far_it_is(shown: Inspection) -> None:
    assert shown.frames[0].loops == ["<range_iterator at 3 of range(0, 3)>"]


def test_the_exception_being_handled_is_there_with_its_cause_and_their_lines(shown: Inspection) -> None:
    handled, cause = shown.frames[1].exceptions
    assert (handled.role, handled.value) == ("handled", "ValueError('no reading')")
    assert [entry.statement for entry in handled.traceback] == ['raise ValueError("no reading") from error']
    assert (cause.role, cause.value) == ("cause", "IndexError('list index out of range')")
    assert [(entry.function, entry.statement) for entry in cause.traceback] == [("read", "[][number]")]


def test_an_exception_that_waits_for_the_end_of_a_finally_is_told() -> None:
    text = "def f():\n    try:\n        [][3]\n    finally:\n        left = 1\n        left += 1\n"
    source = Source("washer", {"washer.py": text})
    images: list[Image] = []
    with pytest.raises(IndexError):
        _run_into(images, source)
    found = [image for image in images if image.place.statement == "left += 1"]
    (frame,) = inspected(blob_of(source, found[-1]), None).frames
    assert [(one.role, one.value) for one in frame.exceptions] == [("pending", "IndexError('list index out of range')")]


def _run_into(images: list[Image], source: Source) -> None:
    execution = Execution(Program.load(source, library=Library()))

    def take(image: Image) -> None:
        images.append(image)
        execution.request(take, lambda _: None, limit=1000.0)

    execution.request(take, lambda _: None, limit=1000.0)
    execution.start("f", [], {})


def test_globals_that_travel_and_those_that_are_gone_are_told(shown: Inspection) -> None:
    travelling = {f"{one.module}.{one.name}": one.value for one in shown.globals}
    assert travelling["washer.history"] == "[0, 1]"
    assert shown.deleted == ["washer.colours"]


def test_a_generator_tells_its_line_and_variables() -> None:
    text = "def count():\n    i = 1\n    yield i\n    i += 1\n    yield i\n\ndef f():\n    g = count()\n    next(g)\n    'stop'.upper()\n    return list(g)\n"
    source = Source("washer", {"washer.py": text})
    (frame,) = inspected(stopped_at("return list(g)", source, "f"), None).frames
    assert values_of(frame)["g"] == "<generator count at washer.py:3, i=1>"


def test_a_function_that_waits_tells_in_which_call() -> None:
    source = Source("washer", {"washer.py": "def f(sleep):\n    sleep(1795.5)\n"})
    images: list[Image] = []

    def sleep(until: float) -> None:
        images.append(execution.capture_in_effect({"effect": "sleep", "until": until, "waiting": None}))

    execution = Execution(Program.load(source, library=Library(registered=Registered(named={"sleep": sleep}))))
    execution.start("f", [sleep], {})
    shown = inspected(blob_of(source, images[0], Wait(deadline=Deadline(at=1795.5, catch_up="run"))), None)
    assert shown.frames[0].waiting == "sleep(until=1795.5)"
    assert shown.waiting == "overdue since 1970-01-01 00:29, runs at start"


def test_in_a_pipe_it_is_a_traceback_with_values(blob: bytes, tmp_path: Path) -> None:
    (tmp_path / "blob.cbor").write_bytes(blob)
    said = subprocess.run(
        [sys.executable, "-m", "coordinator.cli", "inspect", str(tmp_path / "blob.cbor")],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    line = 1 + TEXT.splitlines().index("        doubled = number * 2")
    assert f'  File "washer.py", line {line}, in read\n    doubled = number * 2\n      number' in said
    assert "      handling ValueError('no reading')\n        File" in said
    assert "\x1b" not in said


@pytest.mark.parametrize("width", [40, 90])
@pytest.mark.parametrize("options", [[], ["--source"]], ids=["traceback", "with source"])
def test_on_a_terminal_no_line_is_longer_than_it_is_wide(
    blob: bytes, tmp_path: Path, width: int, options: list[str]
) -> None:
    (tmp_path / "blob.cbor").write_bytes(blob)
    said = _on_a_terminal(width, "inspect", "blob.cbor", *options, folder=tmp_path)
    assert "\x1b[" in said
    lines = re.sub(r"\x1b\[[0-9;]*m", "", said).splitlines()
    assert max(map(len, lines)) <= width
    assert any('File "washer.py"' in line for line in lines)


def _on_a_terminal(width: int, *arguments: str, folder: Path) -> str:
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS", "LINES")}
    environment |= {"TERM": "xterm-256color", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "coordinator.cli", *arguments]
    with subprocess.Popen(command, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        said = b""
        while True:
            try:
                part = os.read(ours, 1 << 16)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            said += part
        os.close(ours)
        assert process.wait(60) == 0, said
    return said.decode()
