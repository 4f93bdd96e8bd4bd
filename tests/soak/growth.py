"""What the parts hold while they run: memory and file descriptors, by quarters of the run."""

from __future__ import annotations

import itertools
import statistics
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self, TypeVar

import psutil

SHARE, MIB, DESCRIPTORS = 1.05, 2.0, 2
"""What the last quarter may have more than the second. Caches are still being filled in the first one of an hour, so a run
of some minutes seems to grow. Measured of a coordinator that is given 20 checkpoints a second: 5 MiB more after the first
3,000 of them, of which SQLite's caches are the most, 2 MiB for each of the two threads; then 0.35 MiB for each 1,000, while
its write-ahead log and the index of that grow to what `coordinator.store.engine` allows. Python's objects stay as many."""
PERIOD: Final = 1.0

_Each = TypeVar("_Each")


@dataclass(frozen=True, slots=True)
class Held:
    """Medians of the four quarters of a run.

    Attributes:
        memory: resident set size, in MiB; the proportional one of a parent changes with the workers that it has.
        descriptors: open file descriptors.
    """

    memory: Sequence[float]
    descriptors: Sequence[float]

    @property
    def flat(self) -> bool:
        """Whether the last quarter has no more than the second, but for what a heap breathes."""
        _, memory, _, memory_at_last = self.memory
        _, descriptors, _, descriptors_at_last = self.descriptors
        return memory_at_last <= memory * SHARE + MIB and descriptors_at_last <= descriptors + DESCRIPTORS


class Watch:
    """Samples processes and those of their children that live all the time, until it is left.

    Args:
        processes: process ids by the name of the part.
    """

    def __init__(self, processes: Mapping[str, int]) -> None:
        self._watched = {
            name if process.pid == pid else f"{name}: child {number}": process
            for name, pid in processes.items()
            for number, process in enumerate([psutil.Process(pid), *psutil.Process(pid).children()])
        }
        self._samples: dict[str, list[tuple[float, int]]] = defaultdict(list)
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join()

    def held(self) -> dict[str, Held]:
        """Returns what each process has held that lived to the end; workers come and go."""
        longest = max(map(len, self._samples.values()), default=0)
        return {name: _by_quarters(samples) for name, samples in self._samples.items() if len(samples) == longest}

    def _sample(self) -> None:
        while True:
            for name, process in list(self._watched.items()):
                try:
                    self._samples[name].append((process.memory_info().rss / 2**20, process.num_fds()))
                except psutil.NoSuchProcess:
                    del self._watched[name]
            if self._enough.wait(PERIOD):
                return


def quarters(sequence: Sequence[_Each]) -> list[Sequence[_Each]]:
    """Returns the four quarters of a sequence, none of them empty if it has four elements."""
    cuts = [len(sequence) * quarter // 4 for quarter in range(5)]
    return [sequence[begin:end] for begin, end in itertools.pairwise(cuts)]


def _by_quarters(samples: Sequence[tuple[float, int]]) -> Held:
    parts = quarters(samples if len(samples) >= 4 else [*samples] * 4)  # of a very short run
    return Held(
        [round(statistics.median(memory for memory, _ in part), 1) for part in parts],
        [statistics.median(descriptors for _, descriptors in part) for part in parts],
    )
