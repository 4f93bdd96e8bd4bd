import itertools
import logging
import random
import re
from collections import Counter, deque

log = []
UNSET = object()
LOGGER = logging.getLogger("x")
WORDS = re.compile(r"[a-z]+")
TABLE = {"a": [1, 2]}
rng = random.Random(7)
numbers = itertools.count(10)
seen = Counter()
recent = deque(maxlen=2)


def note(x):
    log.append(x)
    return x


def default(x=UNSET):
    note("default")
    if x is UNSET:
        return note("unset")
    return x


def main():
    unset, logger, words, table = UNSET, LOGGER, WORDS, TABLE
    for i in range(3):
        note(rng.randrange(100))
        note(next(numbers))
        seen[note("ab"[i % 2])] += 1
        recent.append(i)
        note(default())
        note(default(unset))
        note(logger is LOGGER and words is WORDS and table is TABLE)
    table["b"] = note(3)
    note(TABLE)
    return sorted(seen.items()), list(recent), TABLE is table, words.findall("ab1c")
