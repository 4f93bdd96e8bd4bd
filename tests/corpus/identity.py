import argparse
import dataclasses
import functools
from contextvars import ContextVar

log = []
UNSET = "==unset=="
PAIR = (1, "two", (3.5, None))
LIMIT = 123456789
MUTABLE = ([],)
level = ContextVar("level", default=0)


class Options:
    default = "as ever"


@functools.lru_cache
def cached(n):
    return n * 2


def note(x):
    log.append(x)
    return x


def same(given=UNSET, *, pair=PAIR):
    a, b, c, d = UNSET, PAIR, LIMIT, Options.default
    hidden, missing = argparse.SUPPRESS, dataclasses.MISSING
    note("somewhere else")
    note([given is UNSET, pair is PAIR, a is UNSET, b is PAIR, c is LIMIT, d is Options.default])
    note([hidden is argparse.SUPPRESS, missing is dataclasses.MISSING, hidden is not UNSET])


def main():
    same()
    inner = MUTABLE[0]
    inner.append(note(1))
    both = MUTABLE
    note(both[0] is inner and MUTABLE[0] is inner and inner)
    fast = cached
    note(fast(4))
    note(fast is cached)
    level.set([note("set")])
    held = level
    note((held is level, level.get()))
    return log
