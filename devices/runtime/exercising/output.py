"""What a run writes to standard output and standard error, from Python or past it: both are one file in memory.

A program that the function starts, and `os.write`, write to the descriptors; Python's streams do so too, and at once, so
that everything stands in the order in which it was written. The streams are like those that a function has on a hub:
text over bytes over something without a file's number; what is logged goes the same way.
"""

from __future__ import annotations

import io
import logging
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _Descriptor(io.RawIOBase):
    def __init__(self, number: int) -> None:
        self._number = number

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        return os.write(self._number, data)


class _Unbuffered(io.BufferedWriter):
    def write(self, data: ReadableBuffer, /) -> int:
        written = super().write(data)
        self.flush()
        return written


def redirect() -> None:
    """Makes Python's streams write to descriptors 1 and 2, whatever these are when something is written."""
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(_Unbuffered(_Descriptor(number)), "utf-8", "backslashreplace", write_through=True)
        for number in (1, 2)
    )
    logging.basicConfig(
        level=logging.INFO, format="%(message)s", handlers=[logging.StreamHandler(sys.stderr)], force=True
    )
    sys.__stdout__, sys.__stderr__ = sys.stdout, sys.stderr  # type: ignore[misc]  # else they keep what they are given


class Output:
    """What is written to descriptors 1 and 2 of this process from now on."""

    def __init__(self) -> None:
        self._file = os.memfd_create("output")
        os.dup2(self._file, 1)
        os.dup2(self._file, 2)
        self._began = self._told = 0

    def forget(self) -> None:
        """Takes what was written as never written."""
        self._began = self._told = os.fstat(self._file).st_size

    def new(self) -> bytes:
        """Returns what was written since this was asked last."""
        found = self._since(self._told)
        self._told += len(found)
        return found

    def all(self) -> bytes:
        """Returns what was written."""
        return self._since(self._began)

    def _since(self, place: int) -> bytes:
        size = os.fstat(self._file).st_size - place
        found = b""
        while len(found) < size and (part := os.pread(self._file, size - len(found), place + len(found))):
            found += part
        return found
