"""A variable without a value is noticed in its turn, also where an operation may call a method of an own class."""

log = []


def note(x):
    log.append(x)
    return x


class Box:
    def __init__(self, v):
        self.v = v

    def __lt__(self, other):
        return note(self.v) < other

    def __add__(self, other):
        return Box(note(self.v) + other)


def compared():
    try:
        return box < note(1)
    except NameError:
        note("compared")
    box = Box(2)
    return box < note(3)


def added():
    try:
        return (box + note(1)) + note(2)
    except NameError:
        note("added")
    box = Box(2)
    return ((box + note(3)) + note(4)).v


def in_a_finally():
    try:
        try:
            note(box)
        finally:
            box = int(box < note(1)) + note(2)
    except NameError as error:
        note(type(error.__context__).__name__ if error.__context__ else "no context")
    box = Box(5)
    return box < note(6)


def main():
    return [compared(), added(), in_a_finally()]
