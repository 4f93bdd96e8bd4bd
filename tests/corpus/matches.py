log = []


def note(x):
    log.append(x)
    return x


class Point:
    __match_args__ = ("x", "y")

    def __init__(self, x, y):
        self.x = x
        self.y = y


def kind(v):
    match v:
        case 0 | 1:
            note("small")
            return "small"
        case [a, *rest] if note(len(rest)) > 1:
            note((a, rest))
            return "list"
        case {"k": k, **more}:
            note((k, more))
            return "map"
        case Point(x=0, y=yy):
            note(yy)
            return "axis"
        case Point(a, b) if a == b and note(True):
            return "diagonal"
        case str() as s:
            return note(s)
    return "other"


def simple(v):
    match note(v):
        case 1:
            note("one")
        case (2 | 3) as x:
            note(x)
        case _:
            note("else")
    return v


def main():
    return [kind(v) for v in (0, [1, 2, 3], [1], {"k": 1, "z": 2}, Point(0, 5), Point(2, 2), Point(1, 2), "s", None)], [
        simple(v) for v in (1, 2, 5)]
