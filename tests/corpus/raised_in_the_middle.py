"""What a statement holds that is left in its middle by an exception goes before the handler begins."""

from contextlib import suppress

log = []


def note(x):
    log.append(x)
    return x


def steps(n):
    try:
        while True:
            yield n
    finally:
        note(("closed", n))


def bad(x):
    raise TypeError(x)


def in_a_handler():
    d = steps(1)
    next(d)
    try:
        note(d.throw(KeyError(note(1) + bad(2))))
    except TypeError as error:
        d = steps(note(str(error)))
    note("behind")
    return next(d)


def in_a_finally():
    d = steps(1)
    next(d)
    with suppress(TypeError):
        try:
            note(d.send(note(1) + bad(2)))
        finally:
            d = None
            note("finally")
    note("behind")


def in_a_with():
    d = steps(1)
    next(d)
    with suppress(TypeError):
        note(d.send(note(1) + bad(2)))
    d = None
    note("behind")


def in_a_group():
    d = steps(1)
    next(d)
    try:
        try:
            raise KeyError(1)
        except* KeyError:
            note(d.send(note(1) + bad(2)))
    except* TypeError as several:
        note([str(each) for each in several.exceptions])
        d = None
    d = None
    note("behind")


def main():
    return [in_a_handler(), in_a_finally(), in_a_with(), in_a_group()]
