log = []


def note(x):
    log.append(x)
    return x


class Oops(Exception):
    pass


def fail(x):
    note(x)
    raise Oops(x)


def one(x):
    try:
        note("body")
        if x == 1:
            fail("a")
        elif x == 2:
            {}["missing"]
        elif x == 3:
            return note("returned")
        note("end of body")
    except Oops as e:
        note(str(e))
        try:
            fail("inner")
        except Oops as f:
            note((str(f), str(f.__context__)))
        note("still " + str(e))
    except KeyError:
        note("key")
        raise ValueError("from key") from None
    else:
        note("else")
        x = 7
    finally:
        note("finally")
        y = note(x)
        note(y)
    return x, y


def two():
    try:
        fail("deep")
    except Oops:
        note("before bare raise")
        raise
    finally:
        note("cleanup")


def three():
    for i in range(4):
        try:
            if i == 1:
                continue
            if i == 2:
                break
            note(i)
        finally:
            note("f%d" % i)
            note("g%d" % i)
    return "three"


def four():
    try:
        try:
            return note("r1")
        finally:
            note("inner")
            note("inner2")
    finally:
        note("outer")
        note("outer2")


def five():
    while True:
        try:
            try:
                return 1
            finally:
                note("x")
                break
        finally:
            note("y")
            note("z")
    return 2


def six():
    try:
        return 1
    finally:
        for i in [1, 2]:
            try:
                return note(2)
            finally:
                note("before break")
                break
        note("after break")
        note("still pending")


def main():
    out = []
    for x in range(4):
        try:
            out.append(one(x))
        except ValueError as e:
            note(repr(e))
            note(repr(e.__context__))
    try:
        two()
    except Oops as e:
        out.append(repr(e))
    try:
        e
    except NameError:
        note("unbound")
    out.append(three())
    out.append(four())
    out.append(five())
    out.append(six())
    two()
    return out
