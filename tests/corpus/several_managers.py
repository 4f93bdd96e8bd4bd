log = []


def note(x):
    log.append(x)
    return x

from contextlib import ExitStack, contextmanager, suppress


class Oops(Exception):
    pass


class Guard:
    def __init__(self, name, eats=(), fails=None):
        self.name, self.eats, self.fails = name, eats, fails

    def __enter__(self):
        note(("in", self.name))
        if self.fails == "in":
            raise Oops(self.name)
        return self

    def __exit__(self, kind, error, traceback):
        note(("out", self.name, kind and kind.__name__))
        if self.fails == "out":
            raise KeyError(note(self.name))
        return kind is not None and issubclass(kind, self.eats)


@contextmanager
def tagged(name, eat=False):
    note("<" + name)
    try:
        yield name.upper()
    except Oops as error:
        note(repr(error))
        if not eat:
            raise
    else:
        note("well")
    finally:
        note(name + ">")


def the_inner_one_suppresses():
    with Guard("a") as a, Guard("b", Oops) as b, Guard(note("c")):
        note((a.name, b.name))
        raise Oops("eaten")
    return note("after")


def the_outer_one_suppresses():
    out = []
    with Guard("a", (Oops, KeyError)), Guard("b", fails="out"):
        out.append(note(1))
        raise Oops("replaced")
    return out


def entering_fails():
    out = []
    with Guard("a", Oops), Guard("b", fails="in"), Guard("c"):
        out.append("never")
    try:
        with Guard("d") as d, Guard("e", fails="in"):
            out.append("never")
    except Oops as error:
        out.append((repr(error), d.name))
    return out


def return_through_several():
    def inner():
        with Guard("a"), Guard("b"):
            with Guard("c"):
                return note("value")

    return inner()


def return_then_an_exit_fails():
    def inner():
        with Guard("a", KeyError), Guard("b", fails="out"):
            return note("lost")
        return note("after")

    return inner()


def break_and_continue_through():
    out = []
    for i in range(4):
        with Guard("a"), Guard("b", Oops):
            if i == 1:
                continue
            if i == note(2):
                raise Oops(i)
            if i == 3:
                break
            out.append(note(i))
        note(("after", i))
    else:
        out.append("never")
    return out


def generator_managers():
    out = []
    with tagged("a") as a, tagged("b", eat=True) as b:
        out.append(note(a + b))
        raise Oops("in b")
    try:
        with tagged("c"), tagged("d"):
            raise Oops(note("through both"))
    except Oops as error:
        out.append(repr(error))
    return out


def stacks():
    out = []
    with ExitStack() as stack:
        for name in "ab":
            stack.enter_context(Guard(name, Oops))
            note(name)
        stack.callback(note, "called back")
        out.append(note("body"))
        raise Oops("stack")
    note("after")
    return out


def suppressing():
    with suppress(KeyError, Oops):
        note(1)
        {}[note("k")]
    with suppress(ZeroDivisionError), Guard("a"):
        note(1 / note(0))
    return note("end")


def with_in_except_in_finally():
    try:
        try:
            raise Oops(1)
        except Oops:
            with Guard("a", KeyError):
                note("in the handler")
                try:
                    raise KeyError(2)
                finally:
                    with Guard("b"):
                        note("in the finally")
            raise
    except Oops as error:
        return repr(error), repr(error.__context__)


def targets_of_with():
    box, names = [None, None], {}
    with Guard("a") as box[note(0)], Guard("b") as names[note("k")]:
        note((box[0].name, names["k"].name))
    with tagged("xy") as (first, second), tagged("z") as [third]:
        note(first + second + third)
    return first, second, third


def reused_and_nested():
    guard = Guard("same", Oops)
    with guard:
        with guard:
            raise Oops("inner")
        note("between")
        raise Oops("outer")
    return note("end")


def parenthesized():
    with (
        Guard("a") as a,
        Guard("b"),
    ):
        note(a.name)
        assert note(True), "never"
    return a.name


def main():
    return (
        the_inner_one_suppresses(), the_outer_one_suppresses(), entering_fails(), return_through_several(),
        return_then_an_exit_fails(), break_and_continue_through(), generator_managers(), stacks(), suppressing(),
        with_in_except_in_finally(), targets_of_with(), reused_and_nested(), parenthesized(),
    )
