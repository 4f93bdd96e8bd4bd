"""Loops over enums and flags, whose iterators the standard library writes as generators."""

import enum


class Colour(enum.Enum):
    RED = 1
    GREEN = 2
    CRIMSON = 1

    def darker(self):
        name = "dark "
        name += self.name.lower()
        return name


class Right(enum.Flag):
    READ = 4
    WRITE = 2
    RUN = 1


class Sorted(enum.IntFlag):
    SMALL = 1
    LARGE = 8
    MIDDLE = 4


def members():
    seen = []
    for colour in Colour:
        for other in reversed(Colour):
            seen.append((colour.darker(), other is Colour.RED))
    return seen


def flags(wanted=Right.READ | Right.RUN):
    given = iter(wanted)
    first = next(given)
    rest = []
    for right in given:
        rest.append(right.name)
    for size in Sorted.MIDDLE | Sorted.SMALL | Sorted.LARGE:
        rest.append(int(size))
    return first, rest, list(given)


def used_up():
    colours = iter(Colour)
    same = [colours]
    found = [next(colours), next(colours)]
    found.append(next(colours, None))
    found.append(next(same[0], None))
    return found


def released():
    data = bytearray(b"abc")
    view = memoryview(data)
    view.release()
    data += b"d"
    try:
        view[0]
    except ValueError as error:
        return str(error), data


def main():
    return members(), flags(), used_up(), released()
