"""The terminal of `up` and `demo`: drawn anew at each tick and at each change of size, keys read one by one.

Whatever happens, the terminal is given back as it was: rich restores screen and cursor, we restore the keyboard's
settings. Without a terminal nothing is drawn and no key is read.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import termios
import tty
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Final

from rich.console import Console, RenderableType
from rich.live import Live

TICK: Final = 0.25
"""Seconds between two drawings: metrics come once a second at most."""


@contextlib.asynccontextmanager
async def drawn(
    console: Console | None, draw: Callable[[], RenderableType], *, whole_screen: bool
) -> AsyncIterator[Callable[[], None]]:
    """Keeps a drawing on the terminal during the block; gives a function that draws at once.

    Args:
        console: the terminal; ``None`` draws nothing.
        draw: makes the drawing of now.
        whole_screen: on the alternate screen, which leaves nothing behind; else below what was printed before.
    """
    if console is None or not console.is_terminal:
        yield lambda: None
        return
    with Live(draw(), console=console, screen=whole_screen, auto_refresh=False, transient=whole_screen) as live:

        def again() -> None:
            live.update(draw(), refresh=True)

        loop = asyncio.get_running_loop()
        ticking = asyncio.create_task(_tick(again), name="screen")
        loop.add_signal_handler(signal.SIGWINCH, again)
        try:
            yield again
        finally:
            loop.remove_signal_handler(signal.SIGWINCH)
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)
            again()


async def _tick(again: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(TICK)
        again()


@contextlib.contextmanager
def keys(pressed: Callable[[str], None]) -> Iterator[None]:
    """Calls ``pressed`` for each key during the block; Ctrl-C stays what it is."""
    if not sys.stdin.isatty():
        yield
        return
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    loop = asyncio.get_running_loop()
    tty.setcbreak(keyboard, termios.TCSANOW)

    def read() -> None:
        for key in os.read(keyboard, 64).decode(errors="replace"):
            pressed(key)

    loop.add_reader(keyboard, read)
    try:
        yield
    finally:
        loop.remove_reader(keyboard)
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
