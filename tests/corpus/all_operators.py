log = []


def note(x):
    log.append(x)
    return x


class Matrix:
    def __init__(self, rows):
        self.rows = rows

    def __matmul__(self, other):
        note("matmul")
        columns = list(zip(*other.rows))
        return Matrix([[sum(a * b for a, b in zip(row, column)) for column in columns] for row in self.rows])

    def __imatmul__(self, other):
        note("imatmul")
        self.rows = (self @ other).rows
        return self

    def __rmatmul__(self, other):
        note("rmatmul")
        return Matrix([[other * x for x in row] for row in self.rows])


class Bits:
    def __init__(self, n):
        self.n = n

    def __and__(self, other):
        note("and")
        return Bits(self.n & other.n)

    def __or__(self, other):
        note("or")
        return Bits(self.n | other.n)

    def __xor__(self, other):
        note("xor")
        return NotImplemented

    def __rxor__(self, other):
        note("rxor")
        return Bits(self.n ^ other)

    def __lshift__(self, by):
        note("shift")
        for _ in range(note(by)):
            self.n *= 2
        return self

    def __ilshift__(self, by):
        note("ishift")
        return self << by

    def __rshift__(self, by):
        note(">>")
        return Bits(self.n >> by)

    def __invert__(self):
        note("~")
        return Bits(~self.n)

    def __floordiv__(self, other):
        note("//")
        raise ArithmeticError(note("never divide"))

    def __rfloordiv__(self, other):
        note("r//")
        return other // self.n

    def __neg__(self):
        note("neg")
        return Bits(-self.n)

    def __pos__(self):
        note("pos")
        return self

    def __divmod__(self, other):
        note("divmod")
        return note(self.n // other), note(self.n % other)

    def __pow__(self, other, modulo=None):
        note("pow")
        return pow(self.n, other, modulo)

    def __rtruediv__(self, other):
        note("r/")
        return other / self.n

    def __mod__(self, other):
        note("%")
        return self.n % other

    def __iand__(self, other):
        note("&=")
        self.n &= other
        return self

    def __index__(self):
        return self.n


def whole_division():
    a = note(17) // note(5)
    b = -a // note(2)
    c = note(7)
    c //= note(2)
    d = [9, 8]
    d[note(0)] //= note(4)
    return a, b, c, d, note(9.5) // note(2)


def matrices():
    a = Matrix([[1, 2], [3, 4]])
    b = a @ Matrix([[0, 1], [1, 0]])
    note(b.rows)
    b @= a
    note(b.rows)
    c = note(2) @ b
    return c.rows


def bits_of_numbers():
    a = note(12) & note(10)
    b = note(12) | note(3) ^ note(5)
    c = note(1) << note(4) >> note(2)
    a |= note(1)
    b ^= note(7)
    c <<= note(1)
    b &= note(29)
    c >>= note(2)
    return a, b, c, ~note(a)


def bits_of_our_own():
    a = Bits(12)
    b = a & Bits(10) | Bits(note(1))
    note(b.n)
    c = Bits(1) << note(2)
    c <<= 1
    note(c.n)
    a &= note(8)
    return b.n, c.n, a.n, (~a).n, (c >> 1).n, (-b).n, (+b).n


def reflected():
    out = [note(6) ^ Bits(3)]
    try:
        out.append(Bits(1) ^ Bits(2))
    except TypeError as error:
        note(type(error).__name__)
    out.append(note(9) // Bits(2))
    out.append(note(9) / Bits(2))
    return [getattr(each, "n", each) for each in out]


def failing_operators():
    out = []
    for way in range(3):
        try:
            if way == 0:
                out.append(Bits(1) // note(2))
            elif way == 1:
                out.append(note(1) // 0)
            else:
                out.append(note([]) @ note({}))
        except (ArithmeticError, TypeError) as error:
            out.append(repr(error))
        finally:
            note(("done", way))
    return out


def powers_and_remainders():
    a = divmod(Bits(17), note(5))
    b = pow(Bits(3), note(4), 5)
    c = Bits(3) ** note(2)
    d = Bits(7) % note(4)
    e = note(2) ** -note(1)
    f = note(7) % -note(3)
    return a, b, c, d, e, f


def sets_and_dicts():
    a = {note(1), note(2)} | {note(3)}
    b = a & {2, 3} - {note(3)}
    c = {"a": 1} | {note("b"): 2}
    c |= {"a": note(9)}
    a ^= {note(1), 8}
    return sorted(a), b, c


def precedence():
    a, b, c = note(2), note(3), note(4)
    first = a + note(b) * -note(c) ** 2 % 7 - a // note(1)
    second = not note(0) == note(1) and a < note(b) <= c or note("never")
    third = a << note(1) & note(7) | c ^ note(1)
    return first, second, third


def shifted_subscripts():
    rows = [[1, 2], [3, 4]]
    rows[note(1)][note(0)] <<= note(2)
    rows[note(0)][note(-1)] |= note(8)
    rows[0][0] **= note(3) + note(1)
    rows[1] += [note(5)]
    rows[1][1:2] *= note(3)
    return rows


def main():
    return (
        whole_division(), matrices(), bits_of_numbers(), bits_of_our_own(), reflected(), failing_operators(),
        powers_and_remainders(), sets_and_dicts(), precedence(), shifted_subscripts(),
    )
