"""Files of `ctx.open` in real workers: at the same position after a move, nothing twice after a death."""

from __future__ import annotations

import os

import pytest

from devices.errors import UsageError
from devices.protocol import link
from devices.runtime import files

LINES = """
    @function
    def story(path, mode="r", newline=None):
        read = []
        with ctx.open(path, mode, newline=newline) as lines:
            for line in lines:
                read.append(line)
                ctx.next()
        return [read, lines.closed]
"""


async def moved(workers, hub, captured=None):
    """The same function in another process; the first one is gone."""
    captured = captured or hub.capture(hold=True)
    hub.worker.close()
    return await workers.go_on(captured)


@pytest.mark.parametrize("text", ["one\ntwo\nthree\n", "ä" * 9000 + "\nßü\n☂", "a\r\nb\r\n\r\nc"])
async def test_a_file_that_is_gone_through_goes_on_at_its_line(workers, tmp_path, text):
    path = tmp_path / "lines.txt"
    path.write_bytes(text.encode())
    hub = await workers.start(LINES, arguments={"path": str(path)})
    wanted = path.read_text(encoding="utf-8").splitlines(keepends=True)
    for _ in wanted:
        hub.expect(link.Pull)
        hub = await moved(workers, hub)
        hub.expect(link.Pull)
        hub.deliver()
    assert hub.result() == [wanted, True]


WRITER = """
    @function
    def story(path, mode="w"):
        with ctx.open(path, mode) as out:
            for number in range(3):
                print(number, file=out)
                ctx.next()
        return out.mode
"""


async def test_what_was_written_is_on_the_disk_when_a_checkpoint_counts_it(workers, tmp_path):
    hub = await workers.start(WRITER, arguments={"path": str(tmp_path / "out")})
    hub.expect(link.Pull)
    assert (tmp_path / "out").read_text() == ""
    hub.capture()
    assert (tmp_path / "out").read_text() == "0\n"


@pytest.mark.parametrize("mode", ["w", "x", "w+", "x+"])
async def test_what_a_dead_copy_wrote_behind_its_checkpoint_is_there_once(workers, tmp_path, mode):
    path = tmp_path / "out"
    hub = await workers.start(WRITER, arguments={"path": str(path), "mode": mode})
    hub.expect(link.Pull)
    captured = hub.capture(1)
    hub.deliver()
    hub.expect(link.Pull)
    hub.capture(2)
    assert path.read_text() == "0\n1\n"
    hub = await moved(workers, hub, captured)
    for _ in range(3):
        hub.expect(link.Pull)
        hub.deliver()
    assert hub.result() == mode
    assert path.read_text() == "0\n1\n2\n"


async def test_a_file_that_is_appended_to_is_never_cut(workers, tmp_path):
    path = tmp_path / "log"
    path.write_text("others\n")
    hub = await workers.start(WRITER, arguments={"path": str(path), "mode": "a"})
    hub.expect(link.Pull)
    captured = hub.capture()
    path.write_text(path.read_text() + "others again\n")
    hub = await moved(workers, hub, captured)
    for _ in range(3):
        hub.expect(link.Pull)
        hub.deliver()
    hub.result()
    assert path.read_text() == "others\n0\nothers again\n1\n2\n"


async def test_files_of_bytes_and_a_file_in_two_variables_travel(workers, tmp_path):
    path = tmp_path / "data"
    path.write_bytes(bytes(range(100)))
    hub = await workers.start(
        """
    @function
    def story(path):
        data = ctx.open(path, "rb+")
        same, first, gone = [data], data.read(10), ctx.open(path)
        text = ctx.open(path, encoding="latin-1")
        below = text.buffer
        gone.close()
        ctx.next()
        data.write(b"++")
        data.close()
        return [same[0] is data, data.mode, text.read(3), text.buffer is below, gone.closed, gone.mode]
    """,
        arguments={"path": str(path)},
    )
    hub.expect(link.Pull)
    hub = await moved(workers, hub)
    hub.expect(link.Pull)
    hub.deliver()
    assert hub.result() == [True, "rb+", "\0\1\2", True, True, "r"]
    assert path.read_bytes() == bytes(range(10)) + b"++" + bytes(range(12, 100))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: path.unlink(), "No such file"),
        (lambda path: path.write_text("o"), "has 1 bytes here, it had 14"),
    ],
)
async def test_a_file_that_is_not_there_fails_the_restore_and_the_function_goes_on(workers, tmp_path, spoil, reason):
    path, kept = tmp_path / "lines.txt", tmp_path / "kept"
    path.write_text("one\ntwo\nthree\n")
    kept.hardlink_to(path)
    hub = await workers.start(LINES, arguments={"path": str(path)})
    hub.expect(link.Pull)
    captured = hub.capture(hold=True)
    path.unlink()
    path.write_text("")
    spoil(path)
    other = await workers.ready("hub-b")
    other.load(LINES)
    begin = {"instance": "story", "hub": "hub-b", "epoch": 2, "timezone": "UTC", "function": "story"}
    other.send(link.Begin(**begin, image=captured.image))
    error = other.expect(link.Ready).error
    assert reason in error["message"]
    assert error["place"] == str(path)
    hub.send(link.GoOn(number=1))
    for _ in range(3):
        hub.deliver()
        if hub.delivered < 3:
            hub.expect(link.Pull)
    assert hub.result() == [["one\n", "two\n", "three\n"], True]


async def test_a_pipe_has_no_position_and_is_refused_by_name(workers, tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    other_end = os.open(path, os.O_RDWR)
    try:
        hub = await workers.start(
            """
    @function
    def story(path):
        pipe = ctx.open(path, "rb")
        ctx.next()
        pipe.close()
    """,
            arguments={"path": str(path)},
        )
        hub.expect(link.Pull)
        hub.ask_for_capture()
        refused = hub.expect(link.NotCaptured)
    finally:
        os.close(other_end)
    assert "it is a pipe or a device" in refused.error["message"]
    assert refused.error["place"] == "story(): line 5: pipe"


async def test_a_disk_that_takes_no_more_fails_the_checkpoint_and_not_the_function(workers):
    hub = await workers.start(
        """
    @function
    def story():
        full = ctx.open("/dev/full", "w")
        full.write("x")
        ctx.next()
        return 1
    """
    )
    hub.expect(link.Pull)
    hub.ask_for_capture()
    refused = hub.expect(link.NotCaptured)
    assert "cannot be brought to the disk: No space left" in refused.error["message"]
    hub.deliver()
    assert hub.result() == 1


@pytest.mark.parametrize("mode", ["q", "", "rw", "bb", "rbt", "U"])
def test_a_mode_that_is_none_is_refused(mode):
    with pytest.raises(UsageError, match="cannot be"):
        files.open_file("x", mode, "utf-8", None, None)
