"""Running, stopping, refusing: what the worker relies on."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import DecodeError, msgpack

from devices.errors import CannotStopError, CannotTravelError, MidstreamError, ProtocolError, SourceError
from devices.runtime.python import rests
from devices.runtime.python.capture import Image
from devices.runtime.python.engine import Execution
from devices.runtime.python.library import Library
from devices.runtime.python.module import ProgramCode
from devices.runtime.python.program import Program
from devices.runtime.python.values import from_cbor, to_cbor
from devices.runtime.source import Source
from tests.engine.harness import EveryStop, exercise, source_of

COUNTING = """
def step(i):
    if i % 7 == 0:
        raise ValueError(i)
    return i


def main(n=60):
    total = 0
    for i in range(n):
        try:
            total += step(i)
        except ValueError as e:
            total -= len(str(e))
        finally:
            total += 2
    return total
"""


def execution(text: str | Source) -> Execution:
    return Execution(Program.load(source_of(text) if isinstance(text, str) else text, library=Library()))


def image_at(
    text: str, number: int, run: Callable[[Execution], Any] = lambda e: e.start("main", [], {})
) -> Image | None:
    """The image at the n-th stop; the run goes on to its end."""
    found: list[Image] = []
    count = 0
    own = execution(text)

    def take(image: Image) -> None:
        nonlocal count
        count += 1
        if count == number:
            found.append(image)
        else:
            own.request(take, lambda _: None)

    own.request(take, lambda _: None)
    run(own)
    return found[0] if found else None


def test_a_function_moved_a_hundred_times_in_a_row_gives_the_same_result() -> None:
    expected = execution(COUNTING).start("main", [], {})
    image = image_at(COUNTING, 5)
    moves = 0
    while image is not None:
        moves += 1
        data = image.data
        assert execution(COUNTING).resume(data) == expected
        image = image_at(COUNTING, 4, lambda e, data=data: e.resume(data))
    assert moves > 100


def test_captures_inside_resumed_runs_are_resumed_equal_too() -> None:
    report = exercise(source_of(COUNTING.replace("n=60", "n=9")), generations=2)
    assert report.different == []
    assert report.equal == report.taken > 100


def test_five_hundred_frames_travel() -> None:
    text = """
def down(n):
    if n == 0:
        return 0
    return down(n - 1) + 1

def main():
    return down(500)
"""
    own = execution(text)
    stops = EveryStop(own, 1001, 3)
    assert own.start("main", [], {}) == 500
    image = stops.images[0]
    assert len(image.frames) > 490
    assert execution(text).resume(image.data) == 500


def test_a_signal_handler_captures_and_the_function_goes_on() -> None:
    text = """
def main():
    n = 0
    while not done:
        n += 1
    return n > 0
"""
    own = execution(text)
    own.program.namespace["done"] = False
    taken: list[Image] = []

    def take(image: Image) -> None:
        taken.append(image)
        own.program.namespace["done"] = True

    previous = signal.signal(signal.SIGALRM, lambda *_: own.request(take, pytest.fail))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        assert own.start("main", [], {}) is True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert taken[0].place.function == "main"
    assert taken[0].place.statement in ("while not done:", "n += 1")


def test_a_value_that_cannot_travel_refuses_the_stop_and_the_function_runs_on() -> None:
    text = """
def main():
    pool = {"file": [open("/dev/null")]}
    x = 1
    pool["file"][0].close()
    return x
"""
    own = execution(text)
    errors: list[MidstreamError] = []

    def refused(error: MidstreamError) -> None:
        errors.append(error)

    def take(_: Image) -> None:
        own.request(take, refused)

    own.request(take, refused)
    assert own.start("main", [], {}) == 1
    assert isinstance(errors[0], CannotTravelError)
    assert errors[0].place == "main(): line 4: pool['file'][0]"


def test_a_lambda_outside_of_functions_in_which_one_cannot_stop_is_named_with_its_line() -> None:
    source = source_of(
        "def g():\n    return 1\n\n\ntable = {}\ntwice = [lambda: [g(), g()]]\n\n\n"
        "def main():\n    table['f'] = twice[0]\n    x = 1\n    return x, list(table)\n"
    )
    report = exercise(source)
    assert report.different == []
    (refusal,) = [each for each in report.passed if each.startswith("CannotTravelError")]
    assert "<lambda> of program.py:6" in refusal


def test_a_stop_under_c_code_that_calls_back_is_refused_after_the_limit_by_name_and_line() -> None:
    text = """
def key(x):
    ask()
    while not answers:
        x += 0
    return x

def main():
    return sorted([3, 1, 2], key=key)
"""
    own = execution(text)
    answers: list[Any] = []
    own.program.namespace["answers"] = answers
    own.program.namespace["ask"] = lambda: answers or own.request(answers.append, answers.append, 0.05)
    assert own.start("main", [], {}) == [1, 2, 3]
    assert isinstance(answers[0], CannotStopError)
    assert "key() is called from inside an operation" in answers[0].message
    assert answers[0].place == "program.py:9"


def test_a_caller_is_never_taken_to_be_in_a_call_when_c_code_stands_between() -> None:
    text = """
from functools import reduce
log = []

def f(a, b=0):
    log.append((a, b))
    return a + b

def main():
    xs = sorted([3, 1, 2], key=f)
    return reduce(f, xs), max(xs, key=f), f(1, 2), list(map(f, xs))
"""
    report = exercise(source_of(text))
    assert report.different == []
    assert any("from inside" in reason for reason in report.passed)


def test_the_rest_that_calls_exec_is_refused_with_file_line_and_remedy() -> None:
    text = """
def main():
    x = 1
    exec("x = 2")
    return x
"""
    own = execution(text)
    errors: list[MidstreamError] = []
    own.request(pytest.fail, errors.append)
    own.start("main", [], {})
    assert "exec()" in errors[0].message
    assert errors[0].place == "program.py:3"
    assert errors[0].remedy


def test_an_async_function_is_refused_when_it_is_to_run() -> None:
    with pytest.raises(CannotTravelError) as caught:
        execution("x = 1\nasync def main():\n    pass\n").start("main", [], {})
    assert caught.value.place == "program.py:2"


def test_a_generator_that_is_asynchronous_is_refused_when_it_is_loaded() -> None:
    with pytest.raises(CannotTravelError) as caught:
        execution("def main(them):\n    return (one\n        async for one in them)\n")
    assert caught.value.place == "program.py:3"


def test_a_coroutine_in_a_variable_is_named_and_the_function_runs_on() -> None:
    text = """
async def other():
    pass

def main():
    held = other()
    x = 1
    held.close()
    return x
"""
    own = execution(text)
    errors: list[MidstreamError] = []
    images: list[Image] = []

    def ask_again(_: object) -> None:
        own.request(images.append, lambda error: (errors.append(error), ask_again(error)))

    own.request(ask_again, errors.append)
    assert own.start("main", [], {}) == 1
    assert any(error.place == "main(): line 7: held" and "asynchronous" in error.message for error in errors)


def test_a_syntax_error_names_file_and_line() -> None:
    with pytest.raises(SourceError) as caught:
        execution("x = 1\ndef main(:\n    pass\n")
    assert caught.value.place == "program.py:2"


def test_a_function_that_is_not_there_is_a_users_mistake() -> None:
    with pytest.raises(SourceError, match="no function other"):
        execution("def main():\n    pass\n").start("other", [], {})


def test_an_image_of_another_source_is_refused() -> None:
    image = image_at(COUNTING, 9)
    assert image is not None
    with pytest.raises(ProtocolError, match="another source"):
        execution(COUNTING + "\n").resume(image.data)


@pytest.mark.parametrize(
    "change",
    [
        {"frames": []},
        {"frames": [["program", 99, 1, "before", 0, [], [], [], 0]]},
        {"frames": [["program", 2, 999, "before", 0, [], [], [], 0]]},
        {"frames": [["program", 2, 3, "call", 77, [], [], [], 0]]},
        {"frames": [["program", 2, 3, "yield", 0, [], [], [], 0]]},
        {"frames": [["program", 2, 1, "before", 0, [], ["x"], [], 0]]},
        {"frames": [["elsewhere", 2, 1, "before", 0, [], [], [], 0]]},
        {"frames": [[1, 2, 3]]},
        {"frames": ["nonsense"]},
        {"state": [["program", "x"]]},
        {"state": [["os", "environ"]], "roots": [1, 2, 3, 4, 5, 6, 7, 8, 9]},
        {"heap": [[99]]},
        {"roots": "no"},
        {"form": 999},
    ],
)
def test_an_altered_image_is_refused_before_anything_runs(change: dict[str, Any]) -> None:
    image = image_at(COUNTING, 9)
    assert image is not None
    altered = to_cbor({**from_cbor(image.data), **change})
    with pytest.raises(ProtocolError):
        execution(COUNTING).resume(altered)


def test_modules_beside_the_function_travel_with_it(tmp_path: Any) -> None:
    source = Source(
        "main_file",
        {
            "main_file.py": """
import rooms
from tools import helper as h
from tools.deep import nested

def main():
    out = []
    for room in rooms.ROOMS:
        out.append(h.shout(room))
        out.append(nested(2))
    rooms.visited.append("end")
    return out, rooms.visited
""",
            "rooms.py": "ROOMS = ['hall', 'attic']\nvisited = []\n",
            "tools/__init__.py": "",
            "tools/helper.py": "import rooms\ndef shout(x):\n    rooms.visited.append(x)\n    y = x.upper()\n    return y\n",
            "tools/deep.py": "from . import helper\ndef nested(n):\n    return helper.shout('x') * n\n",
        },
    )
    expected = execution(source).start("main", [], {})
    assert expected == (["HALL", "XX", "ATTIC", "XX"], ["hall", "x", "attic", "x", "end"])
    own = execution(source)
    stops = EveryStop(own, 1, 100)
    assert own.start("main", [], {}) == expected
    assert len(stops.images) > 15
    for image in stops.images:
        assert execution(source).resume(image.data) == expected


def test_a_module_that_is_imported_inside_of_a_function_is_there_after_a_move_with_its_state() -> None:
    source = Source(
        "main_file",
        {
            "main_file.py": """
from helpers import early

def main():
    first = early.one()
    import helpers.late
    from helpers import late as again
    second = helpers.late.counted()
    third = again.counted()
    return first, second, third, helpers.late.counts
""",
            "helpers/__init__.py": "",
            "helpers/early.py": "def one():\n    x = 1\n    return x\n",
            "helpers/late.py": "counts = [0]\ndef counted():\n    counts[0] += 1\n    y = counts[0]\n    return y\n",
        },
    )
    own = execution(source)
    stops = EveryStop(own, 1, 100)
    assert own.start("main", [], {}) == (1, 1, 2, [2])
    assert len(stops.images) > 10
    for image in stops.images:
        assert execution(source).resume(image.data) == (1, 1, 2, [2])


def test_a_file_of_ones_own_that_is_named_like_a_library_module_can_be_stopped_in() -> None:
    files = {
        "program.py": "import statistics\ndef main():\n    first = statistics.mean([1, 3])\n    return first\n",
        "statistics.py": "def mean(of):\n    total = sum(of)\n    result = total / len(of)\n    return result\n",
    }
    own = execution(Source("program", files))
    stops = EveryStop(own, 1, 100)
    assert own.start("main", [], {}) == 2
    assert {frame.file for image in stops.images for frame in image.frames} == {"program.py", "statistics.py"}


def test_what_is_told_about_a_captured_function_has_no_values() -> None:
    image = image_at(COUNTING, 9)
    assert image is not None
    assert image.place.file == "program.py"
    assert image.frames[0].function == "main"
    assert {variable.name for variable in image.variables} >= {"total"}
    assert all(variable.size >= 0 for variable in image.variables)


def test_another_process_builds_what_a_resumption_had_to_build_when_it_is_told() -> None:
    text = COUNTING.replace("n=60", "n=13")
    image = image_at(text, 9)
    assert image is not None
    own, other = execution(text), ProgramCode(source_of(text))  # of one source, and with nothing in common
    before = len(own.program.code.continuations)
    assert own.resume(image.data) == execution(text).start("main", [], {})
    told = rests.built(own.program.code, before)
    for _ in range(2):  # the second time there is nothing left to do
        rests.learn(other, told)
        names = [each.names for _, each in other.continuations]
        assert names == [each.names for _, each in own.program.code.continuations[before:]]
    assert names
    assert rests.built(own.program.code, len(own.program.code.continuations)) == b""


def test_rests_of_functions_that_a_program_does_not_have_are_not_built() -> None:
    code = ProgramCode(source_of(COUNTING))
    for place in (["elsewhere", 1], ["program", 99], ["program", 0]):
        with pytest.raises(ProtocolError, match="has no function"):
            rests.learn(code, msgpack.encode([[*place, [1, "before", 0, []], []]]))
    with pytest.raises(ProtocolError, match="has no place"):
        rests.learn(code, msgpack.encode([["program", 1, [9999, "before", 0, []], []]]))
    with pytest.raises(DecodeError):
        rests.learn(code, msgpack.encode([["program", 1, [1, "sideways", 0, []], []]]))
    assert code.continuations == []
