log = []


def note(x):
    log.append(x)
    return x

import enum

ZERO = 0


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Point:
    __match_args__ = ("x", "y")

    def __init__(self, x, y):
        self.x, self.y = x, y


class Named(Point):
    __match_args__ = ("x", "y", "name")

    def __init__(self, x, y, name):
        super().__init__(x, y)
        self.name = name


def constants():
    out = []
    for value in (None, True, False, 0, 1, "none", -3, 2.5, b"x"):
        match value:
            case None:
                out.append(note("none"))
            case True:
                out.append(note("true"))
            case False:
                out.append(note("false"))
            case 0 | 1:
                out.append(note("number"))
            case "none" | b"x":
                out.append(note("text"))
            case -3:
                out.append(note("negative"))
            case _:
                out.append(note("else"))
    return out


def constants_and_guards():
    out = []
    for value in (None, True, 1, False):
        match note(value):
            case None if note(False):
                out.append("never")
            case None | False:
                out.append(note("nothing"))
            case True if note(value is True):
                out.append(note("true"))
            case other:
                out.append(note(other))
    return out


def mappings():
    out = []
    for value in ({}, {"a": 1}, {"a": None, "b": [1, 2]}, {"a": {"b": {"c": 3}}}, {1: 2}):
        match value:
            case {"a": {"b": {"c": deep}}}:
                out.append(note(deep))
            case {"a": None, "b": [first, *others], **rest}:
                out.append(note((first, others, rest)))
            case {"a": int() as number, **rest} if note(not rest):
                out.append(note(number))
            case {1: two}:
                out.append(note(two))
            case {}:
                out.append(note("any mapping"))
    return out


def sequences():
    out = []
    for value in ([], [1], (1, 2), [1, 2, 3, 4], [[1, [2, 3]], 4], "ab", range(3)):
        match value:
            case []:
                out.append(note("empty"))
            case [one]:
                out.append(note(("one", one)))
            case [[a, [b, *c]], d]:
                out.append(note((a, b, c, d)))
            case (first, *_, last) if note(last) == 4:
                out.append(note((first, last)))
            case [*everything, _]:
                out.append(note(everything))
            case _:
                out.append(note(value))
    return out


def classes():
    out = []
    for value in (Point(0, 1), Point(2, 2), Named(1, 2, "n"), Named(0, 0, None), Point([1, 2], {"k": 3}), 5, "s"):
        match value:
            case Named(x, y, name=None):
                out.append(note((x, y)))
            case Named(name=str(name)) as whole:
                out.append(note((name, whole.x)))
            case Point(x=0, y=y):
                out.append(note(y))
            case Point(x=[first, *_], y={"k": k}):
                out.append(note(first + k))
            case Point(a, b) if a == note(b):
                out.append("diagonal")
            case int(n) | str(n):
                out.append(note(n))
    return out


def values():
    out = []
    for value in (Color.RED, Color.BLUE, 0, 3):
        match value:
            case Color.RED:
                note("red")
                out.append(value.name)
            case Color.BLUE | Color.RED:
                out.append(note("blue"))
            case x if x == ZERO:
                out.append(note("zero"))
    return out


def in_a_pattern_another():
    def inner(value):
        match value:
            case {"kind": "pair", "of": [left, right]}:
                match (left, right):
                    case (int(), int()):
                        note("two numbers")
                        return left + right
                    case (None, _) | (_, None):
                        return note("half")
                note("neither")
            case {"kind": kind}:
                return note(kind)
        return "nothing"

    return [inner({"kind": "pair", "of": of}) for of in ([1, 2], [None, 1], ["a", "b"])] + [inner({"kind": "x"}), inner(3)]


def leaving_a_match():
    out = []
    for value in range(6):
        match note(value):
            case 1:
                continue
            case 4:
                break
            case n if note(n) % 2:
                try:
                    match n:
                        case 3:
                            raise ValueError(note("three"))
                except ValueError as error:
                    out.append(repr(error))
            case n:
                out.append(n)
    else:
        out.append("never")
    match out:
        case [first, *_]:
            return note(first), out
    return "never"


def bound_by_a_failed_case():
    match [1, 2]:
        case [x, y] if (z := note(y)) > 5:
            note("never")
        case [_, 3]:
            note("never")
        case _:
            note((x, y, z))
    return x + y + z


def subject_with_walrus():
    match (pair := (note(1), note(2))):
        case (a, b) if (total := a + b) and note(total) == 3:
            note(pair)
            a, b = b, a
            return a, b, total


def main():
    return (
        constants(), constants_and_guards(), mappings(), sequences(), classes(), values(), in_a_pattern_another(),
        leaving_a_match(), bound_by_a_failed_case(), subject_with_walrus(),
    )
