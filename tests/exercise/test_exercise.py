"""`exercise` finds a run that does something else, and nothing else."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from devices.errors import RefusedError, SourceError, UsageError
from devices.runtime.exercise import Exercise, Findings, exercise
from devices.runtime.exercising.interpreter import Interpreter
from devices.runtime.exercising.packets import Captured, Run
from devices.runtime.source import Source

Exercised = Callable[..., Findings]

COUNTING = """
def step(i):
    if i % 7 == 0:
        raise ValueError(i)
    return i


def main(n=20):
    total = 0
    for i in range(n):
        try:
            total += step(i)
        except ValueError as e:
            total -= len(str(e))
            print("not", i)
    return total
"""


def all_equal(found: Findings) -> bool:
    return found.different == [] and found.taken == found.resumed_equal > 0


def test_each_capture_goes_on_equal(exercised: Exercised) -> None:
    found = exercised(COUNTING, "main")
    assert all_equal(found)
    assert found.taken == found.stops > 80
    assert 100 < found.bytes_median < 2000
    assert found.passed_by == {}


def test_every_kth_stop_is_captured_and_all_stops_are_counted(exercised: Exercised) -> None:
    stops = exercised(COUNTING, "main").stops
    found = exercised(COUNTING, "main", every=10)
    assert all_equal(found)
    assert (found.stops, found.taken) == (stops, stops // 10)


def test_a_limit_ends_the_captures_and_not_the_run(exercised: Exercised) -> None:
    found = exercised(COUNTING, "main", limit=5)
    assert all_equal(found)
    assert found.taken == 5


def test_a_chain_moves_one_run_from_where_the_last_move_led(exercised: Exercised) -> None:
    found = exercised(COUNTING, "main", chain=60)
    assert all_equal(found)
    assert found.taken == 60
    found = exercised(COUNTING, "main", chain=9, every=8)
    assert all_equal(found)
    assert (found.taken, found.stops) == (9, 72)


def test_a_chain_longer_than_the_function_ends_with_it(exercised: Exercised) -> None:
    found = exercised("def main():\n    x = 1\n    return x\n", chain=100)
    assert all_equal(found)
    assert found.taken < 5


def test_state_that_does_not_travel_is_found(exercised: Exercised) -> None:
    text = """
import os

def main():
    os.environ["DIE"] = "0.3"
    first = float(os.environ.get("DIE", "0.9"))
    second = float(os.environ.get("DIE", "0.9"))
    return first, second
"""
    found = exercised(text)
    assert found.resumed_equal < found.taken
    one = found.different[0]
    assert one.line == "program.py:6"
    assert one.statement == 'first = float(os.environ.get("DIE", "0.9"))'
    assert one.expected.startswith("result[0]: 0.3")
    assert one.got.startswith("result[0]: 0.")


def test_what_is_printed_is_compared(exercised: Exercised) -> None:
    text = """
import os

def main():
    print("begin")
    os.environ["DIE"] = "0.3"
    print(float(os.environ.get("DIE", "0.9")))
    x = 1
"""
    found = exercised(text)
    lines = [one.line for one in found.different]
    assert lines == ["program.py:7"]
    assert found.different[0].expected.startswith("printed: line 2: '0.3")


def test_what_goes_past_pythons_streams_is_compared_too_and_kept_from_the_terminal(
    exercised: Exercised, capfd: pytest.CaptureFixture[str]
) -> None:
    text = """
import os, subprocess, sys

def main():
    os.write(2, b"past ")
    print("and through", end=" ")
    subprocess.run(["echo", "by another"])
    sys.stdout.buffer.write(b"bytes \\xff \\xc3")
    sys.stdout.buffer.write(b"\\xa9")
    print("as an error", file=sys.stderr)
    os.environ["DIE"] = "0.3"
    os.write(1, os.environ.get("DIE", "0.9").encode())
"""
    found = exercised(text)
    (one,) = found.different
    assert one.line == "program.py:12"
    assert (one.expected, one.got) == ("printed: line 3: '0.3'", "printed: line 3: '0.9'")
    assert found.resumed_equal == found.taken - 1 > 5
    assert capfd.readouterr() == ("", "")


def test_what_is_printed_by_import_is_no_output_of_the_function(
    exercised: Exercised, capfd: pytest.CaptureFixture[str]
) -> None:
    text = """
import logging, os
logging.basicConfig(format="of no use, as on a hub: %(message)s")
print("imported")
os.write(2, b"imported")

def main():
    logging.warning("a warning")
    os.environ["DIE"] = "0.3"
    logging.warning(os.environ.get("DIE", "0.9"))
"""
    found = exercised(text)
    assert {one.expected for one in found.different} == {"printed: line 2: '0.3\\n'"}
    assert capfd.readouterr() == ("", "")


def test_a_child_that_a_function_forks_is_not_taken_for_the_function(exercised: Exercised) -> None:
    text = """
import os

def main():
    x = 1
    pid = os.fork()
    if pid == 0:
        x = 2
        print("child")
        x = 3
        return x
    os.waitpid(pid, 0)
    x = 4
    return x
"""
    found = exercised(text)
    assert found.taken == found.stops == 6
    assert {one.line for one in found.different} <= {"program.py:7", "program.py:12"}  # its child is not there


def test_errors_are_compared_with_their_lines_and_contexts(exercised: Exercised) -> None:
    text = """
import os

def fail(x):
    raise KeyError(x)

def main():
    os.environ["DIE"] = "0.3"
    try:
        fail(1)
    except KeyError as e:
        e.add_note("a note")
        if float(os.environ.get("DIE", "0.9")) < 0.33:
            raise ValueError("small") from e
        raise TypeError("large")
"""
    found = exercised(text, "main")
    assert found.taken > 5
    for one in found.different:
        assert one.expected.startswith("raised: ValueError")
        assert one.got.startswith("raised: TypeError")


def test_globals_are_compared_and_those_that_nothing_can_reach_any_more_need_not_travel(exercised: Exercised) -> None:
    text = """
import os
calls = 0
seen = []
last = None

def main():
    global calls, last
    calls += 1
    seen.append("before")
    os.environ["DIE"] = "0.3"
    x = 1
    last = float(os.environ.get("DIE", "0.9"))
    return x
"""
    found = exercised(text)
    assert {one.line for one in found.different} == {"program.py:12", "program.py:13"}
    assert found.different[0].expected.startswith("program.last: 0.3")


def test_a_table_that_travels_because_a_part_of_it_is_held_is_no_difference(exercised: Exercised) -> None:
    text = """
TABLE = [["a", [1]], ["b", [2]]]

def main():
    total = 0
    for name, numbers in TABLE:
        total += numbers[0]
        x = name
    return total, x
"""
    assert all_equal(exercised(text))


def test_a_table_that_is_filled_and_emptied_again_is_no_difference(exercised: Exercised) -> None:
    text = """
SEEN = {}
COUNTS = {"a": [1]}

def main():
    SEEN["a"] = 1
    COUNTS["a"].append(2)
    found = len(SEEN), len(COUNTS["a"])
    SEEN.clear()
    COUNTS["a"].pop()
    return found
"""
    assert all_equal(exercised(text))


def test_two_places_with_one_list_are_not_two_lists(exercised: Exercised) -> None:
    text = """
def main():
    a = [1]
    b = [a, a, [1]]
    a.append(b)
    c = {"b": b, "a": a}
    return c, a
"""
    assert all_equal(exercised(text))


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("import time\n    return time.time_ns()", "result: "),
        ("import os\n    return os.getpid()", "result: "),
        ("import uuid\n    print(uuid.uuid4())", "printed: line 1: "),
        ("return list({'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l'})", "result["),
    ],
)
def test_a_function_that_does_not_do_the_same_twice_is_refused(exercised: Exercised, body: str, word: str) -> None:
    with pytest.raises(RefusedError, match="does not do the same twice") as caught:
        exercised(f"def main():\n    {body}\n")
    assert word in caught.value.message
    assert caught.value.place == "program.py"
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("os._exit(3)", "its process ended with 3"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "its process was killed by SIGKILL"),
        ("os.kill(os.getpid(), signal.SIGTERM)", "its process was killed by SIGTERM"),
        ("os.closerange(0, 1000)", "it has closed descriptors that it had not opened"),
        ("os.closerange(0, 1000)\n    while True:\n        pass", "it has closed descriptors that it had not opened"),
    ],
)
def test_a_function_that_ends_its_process_is_refused(exercised: Exercised, statement: str, words: str) -> None:
    with pytest.raises(RefusedError, match=f"main ends its own process: {words}"):
        exercised(f"import os, signal\ndef main():\n    {statement}\n")


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("sys.exit(3)", "SystemExit: 3 (program.py:4)"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt (program.py:4)"),
        ("return main()", "RecursionError: maximum recursion depth exceeded (program.py:4)"),
        ("raise ExceptionGroup('both', [ValueError(1), KeyError(2)])", "ExceptionGroup: both (2 sub-exceptions)"),
    ],
)
def test_whatever_a_function_raises_is_told_and_its_captures_are_equal(
    exercised: Exercised, statement: str, words: str
) -> None:
    found = exercised(f"import sys\ndef main():\n    x = 1\n    {statement}\n", limit=10)
    assert all_equal(found)
    assert found.raised.startswith(words)


def test_addresses_in_texts_are_no_difference(exercised: Exercised) -> None:
    text = """
class Thing:
    pass

def main():
    thing = Thing()
    print(thing, [thing])
    return repr(thing), thing
"""
    assert all_equal(exercised(text))


def test_decorated_functions_and_those_with_arguments_are_exercised(exercised: Exercised) -> None:
    text = """
import functools
from midstream import function

def twice(f):
    @functools.wraps(f)
    def wrapper(*args, **kwargs):
        first = f(*args, **kwargs)
        return first, f(*args, **kwargs)
    return wrapper

@twice
def shout(text, *, mark="!"):
    loud = text.upper()
    return loud + mark

@function(checkpoint="1m")
def washer(plug: str = "washer"):
    name = plug.title()
    return name
"""
    found = exercised(text, "shout", args=["hall"], kwargs={"mark": "?"})
    assert all_equal(found)
    assert found.taken == 6
    assert all_equal(exercised(text, kwargs={"plug": "dryer"}))


def test_a_sleep_is_over_at_once(exercised: Exercised) -> None:
    text = """
import time
from time import sleep

def main():
    wait = time.sleep
    for _ in range(3):
        time.sleep(1e6)
        sleep(1e6)
        wait(1e6)
"""
    assert all_equal(exercised(text))


def test_modules_beside_the_function_are_exercised_too(exercised: Exercised) -> None:
    files = {
        "rooms.py": "import tools\ndef main():\n    a = tools.shout('x')\n    return a, tools.calls\n",
        "tools.py": "calls = []\ndef shout(x):\n    calls.append(x)\n    y = x.upper()\n    return y\n",
    }
    assert all_equal(exercised(files))


def test_values_that_cannot_travel_are_passed_by_with_their_path(exercised: Exercised) -> None:
    text = """
def main():
    pool = [open("/dev/null")]
    x = 1
    pool[0].close()
    return x
"""
    found = exercised(text)
    assert all_equal(found)
    assert any("main(): line 4: pool[0]" in reason for reason in found.passed_by)


@pytest.mark.parametrize(
    ("text", "how", "words"),
    [
        ("x = 1\n", {}, "no function in it"),
        ("def a():\n    pass\ndef b():\n    pass\n", {}, "several functions: a, b"),
        ("def a():\n    pass\n", {"function": "b"}, "no function 'b'"),
        ("class a:\n    pass\n", {"function": "a"}, "no function 'a'"),
        ("async def a():\n    pass\n", {}, r"program.py:1: a\(\) is an 'async def'"),
        ("async def a():\n    pass\nb = a\n", {"function": "b"}, r"program.py:1: b\(\) is an 'async def'"),
        ("async def a():\n    yield 1\n", {"function": "a"}, r"a\(\) is an 'async def'"),
        ("def a():\n    yield 1\n", {}, r"program.py:1: a\(\) is a generator function"),
        ("class C:\n    def f(self):\n        pass\na = C().f\n", {"function": "a"}, "a is no function but a method"),
        ("import functools\na = functools.partial(print, 1)\n", {"function": "a"}, "a is no function but a partial"),
        ("a = len\n", {"function": "a"}, "a is no function but a builtin_function_or_method"),
        ("from textwrap import dedent\n", {"function": "dedent"}, "dedent comes from the module textwrap"),
        ("def a(x):\n    pass\n", {}, "missing a required argument: 'x'"),
        ("def a(x):\n    pass\n", {"kwargs": {"y": 1}}, "missing a required argument: 'x'"),
        ("raise ValueError('at import')\ndef a():\n    pass\n", {}, "at import"),
    ],
)
def test_a_users_mistake_is_told_in_one_sentence(exercised: Exercised, text: str, how: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        exercised(text, **how)
    assert caught.value.place


def test_after_a_mistake_the_same_interpreters_go_on(exercised: Exercised) -> None:
    with pytest.raises(SourceError):
        exercised("raise ValueError\ndef main():\n    pass\n")
    assert all_equal(exercised(COUNTING, "main", limit=3))


def processes_with(word: str) -> list[str]:
    """The process ids of all processes that have the word in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if word.encode() in path.read_bytes():
                found.append(path.parent.name)
    return found


@pytest.mark.parametrize(
    "text",
    [
        "def main():\n    while True:\n        pass\n",
        "import os, time\ndef main():\n    if not os.fork():\n        while True:\n            pass\n    os.wait()\n",
        "import subprocess\ndef main():\n    subprocess.run(['sleep', '1000'])\n",
    ],
    ids=["a loop", "a loop in a child", "a program"],
)
def test_a_function_without_an_end_is_refused_and_leaves_no_process(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    word = f"EXERCISED_BY={secrets.token_hex(8)}"
    monkeypatch.setenv(*word.split("="))
    with Interpreter() as home, Interpreter() as away:
        with pytest.raises(RefusedError, match=r"has not come to its end within 2 s") as caught:
            exercise(Exercise(Source("program", {"program.py": text}), "main", timeout=2.0), home, away)
        assert "--timeout" in str(caught.value.remedy)
        assert all_equal(exercise(Exercise(Source("program", {"program.py": COUNTING}), "main", limit=3), home, away))
        assert processes_with(word)
    assert processes_with(word) == []


def test_what_a_function_leaves_running_ends_with_its_run(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "import subprocess\ndef main():\n    subprocess.Popen(['sleep', '1000'])\n    x = 1\n    return x\n"
    word = f"EXERCISED_BY={secrets.token_hex(8)}"
    monkeypatch.setenv(*word.split("="))
    with Interpreter() as home, Interpreter() as away:
        assert all_equal(exercise(Exercise(Source("program", {"program.py": text}), "main"), home, away))
    assert processes_with(word) == []


def test_an_interpreter_that_is_closed_in_the_middle_of_a_run_leaves_no_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = "import subprocess\ndef main():\n    x = 1\n    subprocess.run(['sleep', '1000'])\n"
    word = f"EXERCISED_BY={secrets.token_hex(8)}"
    monkeypatch.setenv(*word.split("="))
    asked = Exercise(Source("program", {"program.py": text}), "main")
    with Interpreter() as home:
        home.load(asked.load)
        assert isinstance(next(home.run(Run(60.0, every=1, most=1))), Captured)
    assert processes_with(word) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("while True:\n    pass\ndef main():\n    pass\n", "to import it has not come to an end within 2 s"),
        ("import os\nos._exit(3)\ndef main():\n    pass\n", "its process ended with 3"),
    ],
)
def test_a_file_that_cannot_be_imported_to_its_end_is_refused(exercised: Exercised, text: str, words: str) -> None:
    with pytest.raises(RefusedError, match=words):
        exercised(text, timeout=2.0)
    assert all_equal(exercised(COUNTING, "main", limit=3))
