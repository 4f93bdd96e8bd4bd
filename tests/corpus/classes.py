log = []


def note(x):
    log.append(x)
    return x


class Base:
    kind = "base"

    def __init__(self, x):
        note(("init", x))
        self.x = x
        self.__secret = note(x * 2)

    def area(self):
        return note(self.x)

    def secret(self):
        return self.__secret

    @property
    def double(self):
        return self.x * 2

    @classmethod
    def make(cls, x):
        return cls(note(x))

    @staticmethod
    def util(x):
        return note(x) + 1


class Sub(Base):
    kind = "sub"

    def __init__(self, x, y):
        super().__init__(x)
        note("between")
        self.y = y
        self.__secret = "sub"

    def area(self):
        base = super().area()
        return note(base + self.y)

    def both(self):
        return [super(Sub, self).area() for _ in range(2)], self.__secret

    def __call__(self, n):
        note(n)
        return n + self.x


class Slots:
    __slots__ = ("a", "b")

    def __init__(self, a):
        self.a = note(a)


def main():
    out = []
    s = Sub(note(2), y=3)
    out.append(s.area())
    out.append(s.both())
    out.append(s(4))
    out.append(s.secret())
    out.append(Base.make(5).area())
    out.append(Sub.util(1))
    m = s.area
    note("bound")
    out.append(m())
    sl = Slots(note(1))
    sl.b = note(2)
    note("slots")
    out.append((sl.a, sl.b, s.double))
    s.self = s
    note("cycle")
    out.append(s.self.self.x)
    Base.kind = note("changed")
    return out, s.kind, isinstance(s, Base)
