log = []


def note(x):
    log.append(x)
    return x


class Length:
    def __init__(self, cm):
        self.cm = cm

    def __add__(self, other):
        if not isinstance(other, Length):
            note("not a length")
            return NotImplemented
        total = self.cm + other.cm
        return Length(note(total))

    def __radd__(self, other):
        note("reflected")
        if other == 0:
            return self
        return NotImplemented

    def __sub__(self, other):
        note("sub")
        return Length(self.cm - getattr(other, "cm", other))

    def __mul__(self, factor):
        note("mul")
        return Length(self.cm * factor)

    __rmul__ = __mul__

    def __truediv__(self, other):
        note("div")
        return NotImplemented

    def __neg__(self):
        minus = -self.cm
        return Length(note(minus))

    def __pos__(self):
        note("pos")
        return self

    def __invert__(self):
        note("invert")
        return Length(0)

    def __abs__(self):
        size = abs(self.cm)
        return note(size)

    def __iadd__(self, other):
        self.cm += note(other.cm)
        return self

    def __pow__(self, power):
        note("pow")
        return Length(self.cm**power)


class Long(Length):
    def __radd__(self, other):
        note("of the subclass first")
        return Long(self.cm + other.cm + 1000)


class Plain:
    def __init__(self, n):
        self.n = n

    def __iadd__(self, other):
        note("in place, not implemented")
        return NotImplemented

    def __add__(self, other):
        note("then the ordinary one")
        return Plain(self.n + other)


def failing(text, action):
    try:
        action()
    except TypeError as error:
        note((text, str(error)))


def main():
    a, b = Length(2), Length(3)
    c = a + b * 2
    d = 3 * a - note(1)
    e = -(a + b) - +a
    f = ~a
    note([x.cm for x in (a, b, c, d, e, f)])
    a += b
    note(a.cm)
    box = {"x": Length(1)}
    box["x"] += Length(note(7))
    note(box["x"].cm)
    note((a + Long(5)).cm)
    p = Plain(1)
    p += note(4)
    note(p.n)
    note(abs(e))
    note((a**2).cm)
    note((0 + a).cm)
    failing("add", lambda: a + 1)
    failing("radd", lambda: 1 + a)
    failing("list", lambda: [1] + a)
    failing("div", lambda: a / 2)
    failing("sub", lambda: 2 - a)
    return log
