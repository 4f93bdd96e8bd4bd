import re
import sys
from traceback import format_exception

log = []


def note(x):
    log.append(x)
    return x


class Oops(Exception):
    pass


class Mine(ExceptionGroup):
    def __new__(cls, message, errors, code=7):
        made = super().__new__(cls, message, errors)
        made.code = code
        return made

    def derive(self, errors):
        return Mine(self.message, errors, self.code + 1)


def tree(error):
    """All that can be seen of an exception; without the source, of which Pythons show more or less."""
    return re.sub(r"(?m)^( *\| {5}| {4,}(?![ |+])).*\n", "", "".join(format_exception(error)))


def several():
    try:
        raise Oops("while it is made")
    except Oops as first:
        group = ExceptionGroup("several", [ValueError(1), KeyError("k"), ExceptionGroup("inner", [ValueError(2), Oops(3)])])
        group.add_note("a note")
        raise group from first


def raised_again():
    try:
        try:
            several()
        except* ValueError:
            note("values")
            raise
        except* KeyError as group:
            note(tree(group))
    except ExceptionGroup as left:
        return note(tree(left))


def raised_again_by_name():
    try:
        try:
            several()
        except* ValueError as group:
            note("values")
            raise group
        except* Oops as group:
            note("oops")
            raise Oops(note("new")) from None
    except ExceptionGroup as left:
        return note(tree(left))


def everything_raised_again():
    try:
        try:
            several()
        except* ValueError:
            note(1)
            raise
        except* KeyError:
            note(2)
            raise
        except* Oops:
            note(3)
            raise
    except ExceptionGroup as left:
        return note(tree(left))


def alone_raised_again():
    try:
        try:
            raise Oops("alone")
        except* Oops:
            note(tree(sys.exception()))
            raise
    except BaseException as left:
        return note(tree(left))


def alone_and_another():
    try:
        try:
            raise Oops("alone")
        except* ValueError:
            note("never")
        except* Oops as group:
            note(tree(group))
            raise ValueError("instead")
    except BaseException as left:
        return note(tree(left))


def one_of_many():
    try:
        try:
            raise ExceptionGroup("two", [Oops(1), KeyError(2)])
        except* Oops:
            raise note(ValueError("one"))
        except* KeyError:
            note("eaten")
    except BaseException as left:
        return note(tree(left))


def what_is_being_handled():
    def kinds(kind):
        note(tree(sys.exception()))
        return note(kind)

    def asked():
        return tree(sys.exception())

    try:
        several()
    except* kinds(TypeError):
        note("never")
    except* kinds(KeyError):
        note(asked())
    except* (kinds(LookupError), kinds(ValueError)) as group:
        note(asked())
        try:
            raise Oops("inside")
        except Oops:
            note(asked())
        note(sys.exception() is group)
    except* Oops:
        note(asked())
    return note(asked())


def cannot_be_caught():
    out = []
    for kind in (ExceptionGroup, 5, (ValueError, BaseExceptionGroup), ()):
        try:
            try:
                several()
            except* KeyError:
                note("key")
            except* kind:
                note("never")
            except* ValueError:
                note("only for none")
        except (TypeError, ExceptionGroup) as error:
            out.append(note(tree(error)))
            out.append(type(error.__context__).__name__ + str(error.__context__))
    return out


def fails_in_a_kind():
    try:
        try:
            raise ExceptionGroup("two", [Oops(1), KeyError(2)])
        except* Oops:
            note("oops")
        except* note(1) / note(0):
            note("never")
    except ZeroDivisionError as error:
        return note(tree(error)), note(tree(error.__context__))


def own_groups():
    try:
        try:
            raise Mine("mine", [ValueError(1), Mine("inner", [KeyError(2), ValueError(3)], 20)])
        except* KeyError as group:
            note((group.code, tree(group)))
            note(group.exceptions[0].code)
    except Mine as left:
        return note((left.code, tree(left)))


def names():
    group = "before"
    try:
        raise ExceptionGroup("two", [Oops(1), KeyError(2)])
    except* KeyError as group:
        note(repr(group))
        del group
        note("gone")
    except* Oops as group:
        group = note("other")
        note(group)
    try:
        return note(group)
    except UnboundLocalError:
        return note("unbound")


def closures():
    made = []
    try:
        raise ExceptionGroup("two", [Oops(1), KeyError(2)])
    except* KeyError as group:
        made.append(lambda: group)
        note(repr(made[0]()))
    except* Oops as other:
        made.append(lambda: repr(other))
        note(made[1]())
    out = []
    for each in made:
        try:
            out.append(note(each()))
        except NameError:
            out.append(note("no name"))
    return out


def yields():
    def steps():
        total = 0
        try:
            total += yield note("body")
            raise ExceptionGroup("two", [Oops(1), KeyError(2)])
        except* KeyError as group:
            total += yield note(repr(group))
            try:
                total += yield from [note(5)]
            except TypeError:
                note("nothing was sent")
        except* Oops:
            while total < 30:
                total += yield note(total)
        finally:
            note("finally")
        return total

    running, out = steps(), []
    out.append(next(running))
    try:
        while True:
            out.append(running.send(note(10)) if len(out) != 3 else next(running))
    except StopIteration as stop:
        return out, stop.value


def thrown_into():
    def steps():
        try:
            yield note(1)
        except* Oops as group:
            note(tree(group))
            yield note(2)
        yield note(3)

    running = steps()
    out = [next(running), running.throw(Oops("thrown"))]
    try:
        out.append(running.throw(KeyError("into the handler")))
    except KeyError as error:
        out.append(tree(error.__context__))
    return note(out)


def many_levels():
    def fall(depth):
        try:
            if depth:
                fall(depth - 1)
            raise ExceptionGroup(f"level {depth}", [Oops(depth), KeyError(depth)])
        except* Oops as group:
            note(len(group.exceptions))
            if depth % 2:
                raise ValueError(note(depth))
        finally:
            note(("finally", depth))

    try:
        fall(3)
    except BaseException as left:
        return note(tree(left))


def everything_in_a_handler():
    out = []
    for number in range(2):
        try:
            raise ExceptionGroup("two", [Oops(number), KeyError(number)])
        except* (Oops, KeyError) as group:
            for each in group.exceptions:
                if note(each.args[0]) == 0:
                    continue
                try:
                    raise ValueError(each)
                except ValueError as error:
                    out.append(note(repr(error.__context__)))
                finally:
                    out.append(note("finally"))
                while True:
                    match note(each):
                        case KeyError():
                            break
                        case _:
                            note("again")
                            break

            def inner():
                for each in group.exceptions:
                    return note(repr(each))

            out.append(inner())
            out.extend(note([repr(each) for each in group.exceptions]))
    return out


def uncaught():
    try:
        several()
    except* KeyError:
        raise Oops(note("new"))
    except* ValueError:
        note("values")
        raise


def one_that_is_wrapped():
    try:
        raise KeyError(note(1))
    except* KeyError as group:
        note(repr(group))
        return_value = repr(group.args)
    return return_value


def main():
    out = [
        one_that_is_wrapped(), raised_again(), raised_again_by_name(), everything_raised_again(), alone_raised_again(), alone_and_another(),
        one_of_many(), what_is_being_handled(), cannot_be_caught(), fails_in_a_kind(), own_groups(), names(),
        closures(), yields(), thrown_into(), many_levels(), everything_in_a_handler(),
    ]
    try:
        uncaught()
    except ExceptionGroup as group:
        out.append(tree(group))
    return out
