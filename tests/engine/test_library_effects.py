"""A function that waits in a call of the library's is captured there, and goes on in that call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import pytest

from devices.errors import CannotStopError, CannotTravelError
from devices.runtime.python.capture import Image
from devices.runtime.python.engine import Execution
from devices.runtime.python.library import Library
from devices.runtime.python.program import Program
from devices.runtime.python.values import Registered, Travels
from tests.engine.harness import source_of


class Feed:
    """What a library gives: a subscription that can be waited on, iterated and entered."""

    def __init__(self, desk: Desk, name: str) -> None:
        self.desk = desk
        self.name = name

    def next(self, where: Any = None) -> int:
        return self.desk.wait({"effect": "next", "feed": self.name, "where": where})

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        return self.desk.wait({"effect": "next", "feed": self.name, "where": None})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.desk.left.append(self.name)


class Desk:
    """Counts, and captures whatever asks."""

    def __init__(self, count: int = 0) -> None:
        self.count = count
        self.left: list[str] = []
        self.images: list[Image] = []
        self.errors: list[Exception] = []
        self.execution: Execution
        self.capturing = True

    def wait(self, descriptor: dict[str, Any]) -> int:
        if self.capturing:
            try:
                image = self.execution.capture_in_effect(descriptor)
            except (CannotStopError, CannotTravelError) as error:
                self.errors.append(error)
            else:
                self.images.append((image, self.count))
        while True:
            self.count += 1
            where = descriptor["where"]
            if where is None or where(self.count):
                return self.count

    def subscribe(self, name: str) -> Feed:
        return Feed(self, name)

    def library(self) -> Library:
        feed = Travels("feed", lambda feed: feed.name, lambda name: Feed(self, name))
        return Library(effect=self.wait, registered=Registered(types={Feed: feed}, named={"desk": self}))


def run(text: str, **captured: Any) -> tuple[Any, Desk]:
    desk = Desk(**captured)
    program = Program.load(source_of(text), library=desk.library())
    program.namespace["desk"] = desk
    desk.execution = Execution(program)
    return desk.execution.start("main", [], {}), desk


def resumed(text: str, image: Image, count: int) -> tuple[Any, Desk]:
    desk = Desk(count)
    program = Program.load(source_of(text), library=desk.library())
    program.namespace["desk"] = desk
    desk.execution = Execution(program)
    return desk.execution.resume(image.data), desk


PROGRAMS = {
    "a call in an assignment": """
def main():
    feed = desk.subscribe("a")
    total = 0
    for i in range(4):
        total += feed.next() * 10 ** i
    return total
""",
    "a loop's test": """
def main():
    feed = desk.subscribe("a")
    got = []
    while (m := feed.next()) < 6 and feed.next(where=lambda n: n % 2 == 0):
        got.append(m)
    return got
""",
    "a for loop over the library's iterator": """
def main():
    got = []
    for m in desk.subscribe("a"):
        got.append(m)
        if len(got) > 4:
            break
    return got
""",
    "a with statement and a nested call": """
def wait(feed, bound):
    def big(n):
        return n > bound
    return feed.next(where=big)

def main():
    got = []
    with desk.subscribe("a") as a:
        for bound in (2, 5, 9):
            got.append(wait(a, bound))
        try:
            got.append(a.next())
        finally:
            got.append(a.next())
    return got
""",
    "a generator of the function's own that waits": """
def big(feed, least):
    while True:
        m = feed.next()
        if m > least:
            yield m

def chained(feed):
    yield from big(feed, 1)

def main():
    feed = desk.subscribe("a")
    got = []
    for m in big(feed, 2):
        got.append(m)
        if len(got) == 2:
            break
    g = chained(feed)
    got.append(next(g))
    got.append(g.send(None))
    for m in g:
        got.append(m)
        if m > 12:
            break
    return got
""",
    "methods, classes being made, lambdas, comprehensions, conditions": """
class Meter:
    def __init__(self, feed):
        self.feed = feed
        self.first = feed.next()

    def read(self, factor=1):
        return self.feed.next() * factor

    def __enter__(self):
        self.entered = self.feed.next()
        return self

    def __exit__(self, *exc):
        self.left = self.feed.next()

def main():
    meter = Meter(desk.subscribe("a"))
    got = [meter.first, meter.read() + meter.read(factor=10)]
    got += [meter.read(n) for n in range(3) if meter.read() > 2]
    got.append((lambda: meter.read() - 1)())
    with meter as m:
        got.append(m.entered if m.read() % 2 else (m.read(), m.read()))
    try:
        got.append(meter.left and meter.read() and [meter.read(), *[meter.read()]])
        raise KeyError(meter.read())
    except KeyError as error:
        got.append((str(error), meter.read()))
    finally:
        got.append(f"{meter.read()} {meter.read():>4}")
    return got
""",
    "a callback that closes over what changes": """
def main():
    feed = desk.subscribe("a")
    least = 0
    for _ in range(3):
        least += 2
        least = feed.next(where=lambda n: n > least)
    return least
""",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_function_goes_on_in_the_effect_in_which_it_was_captured(name: str) -> None:
    text = PROGRAMS[name]
    expected, desk = run(text)
    assert desk.errors == []
    assert desk.images
    for image, count in desk.images:
        result, after = resumed(text, image, count)
        assert (result, after.left, after.errors) == (expected, desk.left, [])
        for second, later in after.images:
            assert resumed(text, second, later)[0] == expected


def test_an_effect_called_from_under_c_code_is_refused_by_name() -> None:
    text = """
def key(x):
    feed = desk.subscribe("a")
    return feed.next()

def main():
    return sorted([3, 1], key=key)
"""
    _, desk = run(text)
    assert desk.images == []
    assert "not called by the statement itself" in str(desk.errors[0]) or "operation" in str(desk.errors[0])


def test_a_value_that_cannot_travel_is_named_with_its_frame_and_line() -> None:
    text = """
def main():
    pool = [open("/dev/null")]
    feed = desk.subscribe("a")
    n = feed.next()
    pool[0].close()
    return n
"""
    _, desk = run(text)
    assert "main(): line 5: pool[0]" in str(desk.errors[0])


def test_a_value_that_the_rest_never_mentions_does_not_matter() -> None:
    text = """
def main():
    pool = [open("/dev/null")]
    pool[0].close()
    feed = desk.subscribe("a")
    return feed.next()
"""
    expected, desk = run(text)
    assert desk.errors == []
    assert resumed(text, *desk.images[0])[0] == expected
