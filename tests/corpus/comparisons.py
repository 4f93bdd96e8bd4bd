log = []


def note(x):
    log.append(x)
    return x


class Version:
    def __init__(self, *parts):
        self.parts = parts

    def __eq__(self, other):
        if not isinstance(other, Version):
            note("eq: not mine")
            return NotImplemented
        same = self.parts == other.parts
        return note(same)

    def __lt__(self, other):
        less = self.parts < other.parts
        return note(less)

    def __le__(self, other):
        note("le")
        return NotImplemented

    def __ge__(self, other):
        note("ge, reflected")
        return self.parts >= other.parts

    def __hash__(self):
        value = hash(self.parts)
        note("hash")
        return value


class Patch(Version):
    def __gt__(self, other):
        note("of the subclass first")
        return self.parts > other.parts


class Odd:
    def __eq__(self, other):
        note("odd")
        return [other]

    def __ne__(self, other):
        note("odd ne")
        return ""


def main():
    a, b, c = Version(1), Version(2), Patch(1, 5)
    note(a == b)
    note(a != b)
    note(a == 5)
    note(a != 5)
    note(5 == a)
    note(a < b)
    note(a < c)
    note(a <= b)
    note(b > a)
    if a < b < c:
        note("never")
    elif not a == note(b):
        note("elif")
    note(Version(0) < a < b < Version(3))
    try:
        note(c > 5)
    except AttributeError as error:
        note(str(error))
    try:
        a <= 5
    except TypeError as error:
        note(str(error))
    note(Odd() == 3)
    note(Odd() != 3)
    note([1] == Odd())
    while a < b and not a == b:
        a = Version(a.parts[0] + 1)
    known = {a: "two"}
    note(known[Version(2)])
    note(hash(a) == hash(Version(2)))
    note(sorted([b, Version(1), Version(0)])[0].parts)
    note(a is b, ) if a == b else note("no")
    return log
