log = []


def note(x):
    log.append(x)
    return x


class Oops(Exception):
    pass


class Manager:
    def __enter__(self):
        return note("in")

    def __exit__(self, kind, error, traceback):
        note(("out", kind and kind.__name__))


def several():
    return ExceptionGroup("several", [ValueError(1), KeyError("k"), ExceptionGroup("inner", [ValueError(2), Oops(3)])])


def parts(group):
    return [repr(each) if not isinstance(each, BaseExceptionGroup) else parts(each) for each in group.exceptions]


def split():
    out = []
    try:
        note("body")
        raise several()
    except* ValueError as group:
        note(parts(group))
        out.append(len(group.exceptions))
    except* (KeyError, Oops) as group:
        for each in group.exceptions:
            out.append(note(type(each).__name__))
    return out


def what_is_left():
    try:
        try:
            raise several()
        except* KeyError as group:
            note(parts(group))
    except ExceptionGroup as rest:
        note(rest.message)
        return parts(rest)


def alone():
    out = []
    try:
        note("body")
        raise Oops("alone")
    except* Oops as group:
        note((group.message, parts(group)))
        out.append(repr(group.exceptions[0]))
    else:
        out.append("never")
    finally:
        out.append(note("finally"))
    return out


def no_exception():
    try:
        note("body")
    except* Oops:
        note("never")
    else:
        note("else")
    finally:
        note("finally")
    return "fine"


def raised_in_a_handler():
    try:
        try:
            raise several()
        except* ValueError as group:
            note("first")
            raise Oops("from a handler") from group.exceptions[0]
        except* Oops:
            note("second")
            raise
        except* KeyError:
            note("third")
    except ExceptionGroup as group:
        note(group.message)
        return parts(group), repr(group.exceptions[0].__cause__)


def nested():
    out = []
    for number in range(2):
        try:
            try:
                note(number)
                raise several()
            except* KeyError:
                note("key")
                try:
                    raise ExceptionGroup("in a handler", [Oops(number), ValueError(number)])
                except* Oops as group:
                    out.append(note(parts(group)))
                except* ValueError:
                    note("value")
        except* (ValueError, Oops) as group:
            with Manager() as word:
                note(word)
                out.append(parts(group))
    return out


def in_a_finally():
    out = []
    try:
        try:
            raise Oops("first")
        finally:
            try:
                raise several()
            except* (ValueError, KeyError, Oops) as group:
                note(parts(group))
                out.append("all")
            note("after the group")
    except Oops as error:
        out.append(repr(error))
        note(error.__context__)
    return out


def around_a_loop():
    out = []
    try:
        for number in range(3):
            with Manager():
                if number == note(1):
                    raise ExceptionGroup("loop", [Oops(number)])
                out.append(number)
    except* Oops as group:
        for each in group.exceptions:
            while len(out) < 4:
                out.append(note(repr(each)))
    return out


def in_a_handler():
    try:
        raise KeyError(note("outer"))
    except KeyError as outer:
        try:
            raise several()
        except* ValueError:
            note("values")
        except* BaseException as group:
            note(repr(group.__context__))
            note(parts(group))
        return repr(outer)


def uncaught_group():
    try:
        note("body")
        raise several()
    except* TypeError:
        note("never")
    finally:
        note("finally")


def in_a_generator():
    def numbers():
        try:
            yield note(1)
            raise ExceptionGroup("generator", [Oops(1), ValueError(2)])
        except* Oops as group:
            note(parts(group))
        except* ValueError:
            note("value")
        yield note(2)

    out = []
    for number in numbers():
        out.append(note(number))
    return out


def main():
    out = [
        split(), what_is_left(), alone(), no_exception(), raised_in_a_handler(), nested(), in_a_finally(),
        around_a_loop(), in_a_handler(), in_a_generator(),
    ]
    try:
        uncaught_group()
    except ExceptionGroup as group:
        out.append(parts(group))
    return out
