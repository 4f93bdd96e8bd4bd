import sys

log = []


def note(x):
    log.append(x)
    return x


class Oops(Exception):
    pass


class Manager:
    def __init__(self, name, fails=False, eats=False):
        self.name = name
        self.fails = fails
        self.eats = eats

    def __enter__(self):
        return self.name

    def __exit__(self, kind, error, traceback):
        log.append((self.name, kind and kind.__name__))
        if self.fails:
            raise Oops(self.name)
        return self.eats


class Held(Manager):
    def __del__(self):
        log.append(("gone", self.name))


def steps(name, most=3):
    try:
        for number in range(most):
            yield number
    finally:
        log.append(("closed", name))


def handled():
    error = sys.exception()
    return error and (repr(error), repr(error.__context__))


def a_return_through_three():
    try:
        try:
            try:
                return note("value")
            finally:
                note(("first", handled()))
        finally:
            note(("second", handled()))
    finally:
        note(("third", handled()))


def a_return_and_an_exit_that_fails():
    try:
        try:
            with Manager("fails", fails=True):
                return note("never returned")
        finally:
            note(("pending", handled()))
    except Oops as error:
        return note(repr(error))


def a_return_in_a_finally_and_an_exit_that_fails():
    try:
        try:
            with Manager("outer", fails=True), Manager("inner"):
                try:
                    return note("never returned")
                finally:
                    note(("first", handled()))
        finally:
            note(("second", handled()))
    except Oops as error:
        return note(repr(error))


def an_exit_that_fails_and_is_caught():
    try:
        try:
            with Manager("fails", fails=True):
                return note("never returned")
        except Oops:
            note("caught")
        note("on")
    finally:
        note(("pending", handled()))
    return "end"


def a_finally_that_goes_another_way():
    out = []
    for number in range(4):
        try:
            try:
                if number == 0:
                    return note("never returned")
                if number == 1:
                    raise Oops(note(number))
                if number == 2:
                    break
                out.append(number)
            finally:
                note(("first", handled()))
                if number < 2:
                    continue
        finally:
            note(("second", handled()))
            out.append(note("second"))
    return out


def out_of_two_loops():
    for outer in steps("outer"):
        try:
            for inner in steps("inner"):
                try:
                    if note(inner) == 1:
                        break
                    continue
                finally:
                    note(("first", handled()))
            else:
                note("never")
            if outer:
                return note((outer, inner))
        finally:
            note(("second", handled()))


def raised_once_more():
    out = []
    try:
        raise Oops("first")
    except Oops as error:
        for how in range(3):
            try:
                try:
                    if how == 0:
                        raise error
                    if how == 1:
                        raise
                    note("nothing raised")
                finally:
                    out.append(note((how, handled())))
            except Oops as again:
                out.append(again is error)
    return out


def an_exception_in_a_finally():
    try:
        try:
            try:
                return note("never returned")
            finally:
                note(handled())
                raise Oops(note("instead"))
        finally:
            note(("second", handled()))
    except Oops as error:
        return note(repr(error.__context__))


def loops_in_one_another():
    out = []
    for a in steps("a", 2):
        for b in steps("b", 2):
            for c in steps("c", 2):
                if c:
                    continue
                out.append(note((a, b, c)))
            else:
                note("else of c")
                if b:
                    continue
            if a:
                break
        else:
            note("else of b")
    return out


def out_of_all_of_them(how):
    for a in range(3):
        for b in [0, 1, 2]:
            if b == 0:
                continue
            while a:
                for c in "012":
                    with Manager("d"):
                        for _ in {0: 1}:
                            if how == "return":
                                return note((a, b, c))
                            raise Oops(note("out"))


def out_of_all_loops():
    out = [out_of_all_of_them("return")]
    try:
        out_of_all_of_them("raise")
    except Oops as error:
        out.append(note(repr(error)))
    return out


def managers_in_loops():
    out = []
    for each in range(3):
        with Held(f"passed {each}"):
            if note(each) == 1:
                continue
            note("on")
        note("behind")
        with Held(f"eats {each}", eats=True):
            raise Oops(note(each))
        note("behind both")
    for each in range(2):
        with Held(f"stays {each}") as name:
            out.append(note(name))
        note("behind")
        with Held(f"left {each}"), Held("inner"):
            note(each)
    return out


def names_of_exceptions():
    error, out = note("before"), []
    try:
        raise Oops("kept")
    except Oops as error:
        out.append(note(repr(error)))
        try:
            raise KeyError(note("another"))
        except KeyError as other:
            out.append(note(repr(other.__context__)))
    try:
        note(error)
    except UnboundLocalError:
        note("unbound")
    try:
        raise Oops("bound anew")
    except Oops as error:
        error = note("anew")
        out.append(error)
    try:
        raise Oops("deleted")
    except Oops as error:
        del error
        note("deleted")
    try:
        raise Oops("matched")
    except Oops as error:
        match note([1, 2]):
            case [1, error]:
                out.append(note(error))
    try:
        raise Oops("imported")
    except Oops as error:
        import math as error

        out.append(note(error.floor(2.5)))
    return out


def main():
    return [
        a_return_through_three(), a_return_and_an_exit_that_fails(), a_return_in_a_finally_and_an_exit_that_fails(),
        an_exit_that_fails_and_is_caught(), a_finally_that_goes_another_way(), out_of_two_loops(), raised_once_more(),
        an_exception_in_a_finally(), loops_in_one_another(), out_of_all_loops(), managers_in_loops(),
        names_of_exceptions(),
    ]
