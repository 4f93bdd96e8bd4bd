"""What reaches the hub of a function: arguments in, lines, results and failures out."""

from __future__ import annotations

import pytest
from scripted_agent import until

from devices.protocol import limits, link


async def test_arguments_and_defaults_are_the_functions(workers):
    hub = await workers.start(
        "@function\ndef story(a: int, b='x', *, c: float = 1.5): return [a, b, c]", arguments={"a": 1, "c": 2.5}
    )
    assert hub.result() == [1, "x", 2.5]


async def test_lines_that_are_printed_or_logged_reach_the_hub_in_order(workers):
    hub = await workers.start("""
        import logging, sys

        @function
        def story():
            print("one"); print("two", end=""); print(" parts")
            logging.getLogger("mine").info("logged %d", 3)
            logging.debug("not shown")
            print("four", file=sys.stderr)
            print("x" * 10_000)
            sys.stdout.buffer.write("ünfinished".encode())
    """)
    assert hub.result() is None
    shown = [(frame.level, frame.text) for frame in hub.asides]
    assert shown[:4] == [("info", "one"), ("info", "two parts"), ("info", "logged 3"), ("warning", "four")]
    assert len(shown[4][1]) == limits.LOG_LINE
    assert shown[5] == ("info", "ünfinished")


async def test_lines_that_the_hub_does_not_read_are_dropped_and_counted(workers, tmp_path):
    reached = tmp_path / "reached"
    hub = await workers.start(f"""
        from pathlib import Path

        @function
        def story():
            for number in range(3000):
                print(number, "." * 1000)
            Path({str(reached)!r}).touch()
            return "done"
    """)
    await until(reached.exists)  # although nobody reads
    assert hub.result() == "done"
    assert 0 < len(hub.lines()) < 3000
    assert [line[:4] for line in hub.lines()[:3]] == ["0 ..", "1 ..", "2 .."]


@pytest.mark.parametrize(
    ("value", "result"), [("{'a': [1, 2.5, None]}", {"a": [1, 2.5, None]}), ("None", None), ("'x' * 30_000", None)]
)
async def test_a_result_is_json_where_json_can_hold_it(workers, value, result):
    hub = await workers.start(f"@function\ndef story(): return {value}")
    assert hub.result() == result


async def test_a_result_that_json_cannot_hold_is_shown(workers):
    hub = await workers.start("@function\ndef story(): return 1 + 2j")
    frame = hub.expect(link.Returned)
    assert (frame.result, frame.shown) == (None, "(1+2j)")


async def test_a_result_that_cannot_even_be_shown_is_a_result(workers):
    hub = await workers.start("""
        class Odd:
            def __repr__(self): raise SystemExit

        @function
        def story(): return Odd()
    """)
    frame = hub.expect(link.Returned)
    assert frame.result is None
    assert "Odd" in frame.shown


async def test_a_failure_shows_the_authors_own_lines_and_none_of_ours(workers):
    hub = await workers.start("""
        def halve(number):
            return number / 0

        @function
        def story():
            try:
                halve(1)
            except ZeroDivisionError as error:
                raise RuntimeError("no half") from error
    """)
    raised = hub.expect(link.Raised)
    assert raised.error == "RuntimeError: no half"
    assert raised.traceback.splitlines() == [
        "Traceback (most recent call last):",
        '  File "story.py", line 8, in story',
        "    halve(1)",
        '  File "story.py", line 3, in halve',
        "    return number / 0",
        "ZeroDivisionError: division by zero",
        "",
        "After which, or because of which:",
        "",
        "Traceback (most recent call last):",
        '  File "story.py", line 10, in story',
        '    raise RuntimeError("no half") from error',
        "RuntimeError: no half",
    ]


async def test_a_failure_after_a_restore_shows_the_same_lines(workers):
    hub = await workers.start("""
        def ask():
            message = ctx.next()
            return 1 / message.number()

        @function
        def story():
            ctx.subscribe("a")
            return ask()
    """)
    hub.grant()
    hub.expect(link.Pull)
    other = await workers.go_on(hub.capture(hold=True), subscriptions={1: ["a"]})
    other.expect(link.Pull)
    other.deliver("a", "0")
    raised = other.expect(link.Raised)
    assert [line for line in raised.traceback.splitlines() if "File" in line] == [
        '  File "story.py", line 9, in story',
        '  File "story.py", line 4, in ask',
    ]


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise BaseException('odd')", "BaseException: odd"),
        ("raise ExceptionGroup('two', [ValueError(1), TypeError(2)])", "ExceptionGroup: two (2 sub-exceptions)"),
        ("story()", "RecursionError: maximum recursion depth exceeded"),
    ],
)
async def test_whatever_the_function_raises_is_a_failure_with_its_name(workers, statement, error):
    hub = await workers.start(f"@function\ndef story():\n    {statement}")
    raised = hub.expect(link.Raised)
    assert raised.error.startswith(error)
    assert "story.py" in raised.traceback
    assert len(raised.traceback) < 20_000
