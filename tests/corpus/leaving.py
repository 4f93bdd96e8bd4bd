log = []


def note(x):
    log.append(x)
    return x


class Oops(Exception):
    pass


def return_in_finally():
    try:
        note("body")
        raise Oops("swallowed")
    finally:
        note("finally")
        return note("value")


def return_over_return():
    try:
        return note("first")
    finally:
        note("finally")
        return note("second")


def break_in_finally():
    out = []
    while True:
        try:
            raise Oops(note("swallowed"))
        finally:
            out.append(note(1))
            break
    return out


def continue_in_finally():
    out = []
    for i in range(3):
        try:
            if i == note(1):
                raise Oops("swallowed")
            out.append(note(i))
            break
        finally:
            note(("finally", i))
            if i < 2:
                continue
    else:
        out.append("else")
    return out


def nested_returns():
    for i in range(2):
        try:
            try:
                return note(("inner", i))
            finally:
                note("inner finally")
                if i == 0:
                    continue
        finally:
            note("outer finally")
    return "never"


def changed_after_return():
    out = [1]
    value = 1
    try:
        return out, value
    finally:
        note("finally")
        out.append(note(2))
        value = note(3)


def raised_in_finally():
    try:
        try:
            raise Oops("first")
        finally:
            note("finally")
            raise KeyError(note("second"))
    except KeyError as error:
        note("caught")
        return repr(error), repr(error.__context__), error.__suppress_context__


def pending_through_three():
    def inner():
        try:
            try:
                try:
                    raise Oops(note("deep"))
                finally:
                    note("one")
                    note("one more")
            finally:
                for _ in range(2):
                    try:
                        continue
                    finally:
                        note("two")
        finally:
            while note(False):
                pass
            note("three")

    try:
        inner()
    except Oops as error:
        return repr(error)


def handled_in_finally():
    out = []
    try:
        try:
            raise Oops("pending")
        finally:
            try:
                out.append(note(1))
                raise KeyError("inside")
            except KeyError as error:
                note((repr(error), repr(error.__context__)))
                out.append(2)
            else:
                out.append("never")
            finally:
                note("innermost")
    except Oops as error:
        note(repr(error.__context__))
        out.append(repr(error))
    return out


def finally_of_loops():
    out = []
    for i in range(2):
        try:
            for j in range(3):
                try:
                    if j == note(1):
                        break
                    out.append((i, j))
                finally:
                    note(("inner", i, j))
                    out.append("f")
            else:
                out.append("never")
            if i:
                break
        finally:
            note(("outer", i))
            out.append("F")
    return out


def else_and_finally():
    out = []
    for way in ("none", "else", "body"):
        try:
            try:
                note(way)
                if way == "body":
                    raise Oops(way)
            except KeyError:
                out.append("never")
            else:
                note("else")
                if way == "else":
                    raise Oops(way)
                out.append("else")
            finally:
                note("finally")
                out.append("finally")
        except Oops as error:
            out.append(repr(error))
    return out


def bare_raise():
    def again():
        note("again")
        raise

    out = []
    try:
        try:
            raise Oops(1)
        except Oops:
            try:
                raise KeyError(2)
            except KeyError:
                note("inner handler")
            again()
    except Oops as error:
        out.append(repr(error))
    try:
        again()
    except RuntimeError as error:
        out.append(str(error))
    return out


def chains_of_causes():
    def fail(n):
        try:
            if n:
                fail(n - 1)
            {}[note("missing")]
        except KeyError as error:
            note(n)
            raise Oops(n) from (error if n % 2 else None)
        except Oops as error:
            note(("again", n))
            raise ValueError(n)

    try:
        fail(2)
    except ValueError as error:
        out = []
        while error is not None:
            out.append((repr(error), repr(error.__cause__), error.__suppress_context__))
            note(len(out))
            error = error.__context__
        return out


def name_is_gone_after_except():
    error = note("before")
    try:
        raise Oops(1)
    except Oops as error:
        note(repr(error))
        kept = error
    try:
        return error
    except NameError:
        note("gone")
    return repr(kept)


def notes_and_attributes():
    try:
        try:
            raise Oops(note("a"), 2)
        except Oops as error:
            error.add_note(note("a note"))
            error.extra = [note(1)]
            raise
    except Oops as again:
        again.extra.append(note(2))
        return again.args, again.__notes__, again.extra


def asserted():
    out = []
    for x in (1, 0):
        try:
            assert note(x), note("message")
            out.append("passed")
        except AssertionError as error:
            out.append(str(error))
    return out


def exits():
    try:
        note("body")
        raise SystemExit(3)
    except Exception:
        return "never"
    except BaseException as error:
        note(error.code)
        return repr(error)
    finally:
        note("finally")


def handlers_by_expression():
    def kinds(n):
        note(("kinds", n))
        return (Oops, KeyError)[n]

    out = []
    for n in range(2):
        try:
            raise KeyError(n)
        except kinds(0):
            out.append("never")
        except (kinds(1), ValueError) as error:
            out.append(note(repr(error)))
    return out


def main():
    return (
        return_in_finally(), return_over_return(), break_in_finally(), continue_in_finally(), nested_returns(),
        changed_after_return(), raised_in_finally(), pending_through_three(), handled_in_finally(), finally_of_loops(),
        else_and_finally(), bare_raise(), chains_of_causes(), name_is_gone_after_except(), notes_and_attributes(),
        asserted(), exits(), handlers_by_expression(),
    )
