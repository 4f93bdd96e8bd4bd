"""What a hub owns is made again by the call that made it: `@per_hub` in real workers, with real database connections."""

from __future__ import annotations

import sqlite3

import pytest

from devices.errors import ProtocolError, UsageError
from devices.protocol import link
from devices.runtime.per_hub import OfThisHub, per_hub

DATABASE = """
    import sqlite3
    from midstream import per_hub

    @per_hub
    def database(path, *, timeout=5.0):
        print("connected")
        return sqlite3.connect(path, timeout=timeout)

    class Book:
        def __init__(self, connection):
            self.connection = connection

        def write(self, number):
            with self.connection:
                self.connection.execute("INSERT INTO numbers VALUES (?)", (number,))
"""
BOOK = (
    DATABASE
    + """
    @function
    def story(path):
        connection = database(path, timeout=1.0)
        connection.execute("CREATE TABLE numbers (number INTEGER)")
        book, shelf = Book(connection), [connection]
        book.write(1)
        ctx.next()
        book.write(2)
        same = shelf[0] is book.connection is connection
        return [same, [number for number, in connection.execute("SELECT number FROM numbers ORDER BY number")]]
    """
)


async def test_a_connection_in_a_variable_is_made_again_where_the_function_goes_on(workers, tmp_path):
    hub = await workers.start(BOOK, arguments={"path": str(tmp_path / "numbers.db")})
    hub.expect(link.Pull)
    captured = hub.capture(hold=True)
    other = await workers.go_on(captured)
    hub.worker.close()
    other.expect(link.Pull)
    other.deliver()
    assert other.result() == [True, [1, 2]]
    assert other.lines() == ["connected"]


async def test_a_live_checkpoint_leaves_the_connection_as_it_is(workers, tmp_path):
    hub = await workers.start(
        DATABASE
        + """
    @function
    def story(path):
        connection = database(path)
        before = id(connection)
        ctx.checkpoint()
        return before == id(connection)
    """,
        arguments={"path": str(tmp_path / "numbers.db")},
    )
    hub.expect(link.Checkpoint)
    hub.capture(1)
    hub.send(link.Durable(number=1, checkpoint="c", sequence=0))
    assert hub.result() is True
    assert hub.lines() == ["connected"]


async def test_a_maker_that_fails_there_fails_the_restore_before_the_function_has_done_anything(workers, tmp_path):
    folder = tmp_path / "here"
    folder.mkdir()
    hub = await workers.start(BOOK, arguments={"path": str(folder / "numbers.db")})
    hub.expect(link.Pull)
    captured = hub.capture(hold=True)
    (folder / "numbers.db").unlink()
    folder.rmdir()
    other = await workers.ready("hub-b")
    other.load(BOOK)
    begin = {"instance": "story", "hub": "hub-b", "epoch": 2, "timezone": "UTC", "function": "story"}
    other.send(link.Begin(**begin, image=captured.image))
    ready = other.expect(link.Ready)
    assert "database(), which is @per_hub, failed here: sqlite3.OperationalError" in ready.error["message"]
    assert ready.error["place"] == "story.py:8"
    hub.send(link.GoOn(number=1))
    hub.send(link.Capture(number=2, hold=False))
    assert hub.expect(link.Captured).number == 2


async def test_what_is_made_of_such_an_object_may_be_made_by_another_maker(workers, tmp_path):
    text = (
        DATABASE
        + """
    @per_hub
    def cursor(connection):
        return connection.cursor()

    @function
    def story(path):
        rows = cursor(database(path))
        ctx.next()
        return rows.execute("SELECT 40 + 2").fetchone()[0]
    """
    )
    hub = await workers.start(text, arguments={"path": str(tmp_path / "numbers.db")})
    hub.expect(link.Pull)
    other = await workers.go_on(hub.capture(hold=True))
    other.expect(link.Pull)
    other.deliver()
    assert other.result() == 42


async def test_what_is_made_of_such_an_object_without_a_maker_is_refused_by_name(workers, tmp_path):
    text = (
        DATABASE
        + """
    @function
    def story(path):
        rows = database(path).cursor()
        ctx.next()
        return rows.execute("SELECT 42").fetchone()
    """
    )
    hub = await workers.start(text, arguments={"path": str(tmp_path / "numbers.db")})
    hub.expect(link.Pull)
    hub.ask_for_capture()
    refused = hub.expect(link.NotCaptured)
    assert refused.error["place"] == "story(): line 21: rows"
    assert "@per_hub" in refused.error["remedy"]


def test_a_maker_must_return_an_object_of_its_own():
    with pytest.raises(UsageError, match=r"number\(\) is marked with @per_hub and returned a int"):
        number()


def test_a_maker_must_be_found_by_its_name():
    with pytest.raises(UsageError, match="not at the file's own level"):

        @per_hub
        def hidden():
            return []


def test_objects_that_nobody_has_any_more_are_let_go():
    kept = connection()
    for _ in range(50):
        connection()
    living = [made.value for made in OfThisHub().living()]
    assert [value for value in living if isinstance(value, sqlite3.Connection)] == [kept]


def test_an_image_can_have_nothing_called_but_a_marked_function():
    with pytest.raises(ProtocolError, match="not marked"):
        OfThisHub().make(print, ("harm",), {})
    with pytest.raises(ProtocolError, match="not marked"):
        OfThisHub().make(connection.__wrapped__, (), {})


@per_hub
def number():
    return 7


@per_hub
def connection():
    return sqlite3.connect(":memory:")
