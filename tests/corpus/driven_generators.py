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
        return kind is Oops


class Tree:
    def __init__(self, value, *children):
        self.value, self.children = value, children

    def __iter__(self):
        yield note(self.value)
        for child in self.children:
            yield from child


def careful(n):
    total = 0
    try:
        while n:
            try:
                got = yield note(n)
                total += got or 0
            except Oops as error:
                note(("caught", str(error)))
                total += 100
            else:
                note(("got", got))
            finally:
                n -= 1
                note(("step", n))
        return total
    except GeneratorExit:
        note("closing")
        raise
    finally:
        note("cleanup")
        note(total)


def delegating(n):
    note("before")
    first = yield from careful(n)
    note(("between", first))
    second = yield from careful(1)
    return first, second


def sent():
    steps = careful(3)
    out = [next(steps)]
    out.append(steps.send(note(10)))
    out.append(steps.send(None))
    try:
        steps.send(note(5))
    except StopIteration as stop:
        out.append(note(stop.value))
    return out


def thrown():
    steps = careful(3)
    next(steps)
    out = [steps.throw(Oops("one"))]
    note("thrown")
    try:
        steps.throw(KeyError(note("two")))
    except KeyError as error:
        out.append(repr(error))
    out.append(next(steps, "over"))
    return out


def closed():
    steps = careful(2)
    note(next(steps))
    steps.close()
    note("closed")
    steps.close()
    return next(steps, "over")


def closed_before_it_began():
    steps = careful(2)
    steps.close()
    note("closed")
    return list(steps)


def delegated():
    steps = delegating(2)
    out = [next(steps)]
    out.append(steps.send(7))
    out.append(steps.throw(Oops("through")))
    try:
        steps.send(1)
    except StopIteration as stop:
        out.append(stop.value)
    return out


def closed_while_delegating():
    steps = delegating(3)
    next(steps)
    note("in the inner one")
    steps.close()
    return note("end")


def thrown_through():
    steps = delegating(2)
    next(steps)
    try:
        steps.throw(ValueError("not caught"))
    except ValueError as error:
        note(repr(error))
        return repr(error.__context__)


def value_of_yield_from():
    def leaf(n):
        for i in range(n):
            yield note(i)
        return n * 10

    def tree():
        total = (yield from leaf(2)) + (yield from leaf(1))
        note(total)
        last = [(yield from leaf(0)), (yield note("own"))]
        return total, last

    steps, out = tree(), []
    while True:
        try:
            out.append(steps.send(note(None) if not out else len(out)) if out else next(steps))
        except StopIteration as stop:
            return out, stop.value


def over_other_iterables():
    def all_of():
        yield from [note(1), 2]
        yield from range(note(2))
        got = yield from "ab"
        note(got)
        yield from {"k": note(1)}
        yield from (note(x) for x in range(2))

    out = []
    for each in all_of():
        out.append(note(each))
    return out


def generator_methods():
    out = []
    for value in Tree(1, Tree(2, Tree(3)), Tree(4)):
        out.append(value)
        note(out)
    return out


def returned_in_finally():
    def stubborn():
        try:
            yield note(1)
        finally:
            note("last words")
            return note("value")

    steps = stubborn()
    out = [next(steps)]
    try:
        steps.throw(Oops("swallowed"))
    except StopIteration as stop:
        out.append(stop.value)
    return out


def yield_in_finally():
    def twice():
        try:
            yield note("body")
            raise Oops("pending")
        finally:
            got = yield note("in finally")
            note(got)

    steps = twice()
    out = [next(steps), next(steps)]
    try:
        steps.send(note("go on"))
    except Oops as error:
        out.append(repr(error))
    return out


def yield_in_handler_and_with():
    def steps():
        try:
            {}[note("k")]
        except KeyError as error:
            got = yield repr(error)
            note(got)
            with Manager() as word:
                got = yield word
                note(got)
            yield "after"

    running = steps()
    out = [next(running), running.send("a"), running.throw(Oops("x"))]
    note(out)
    return out + list(running)


def infinite_with_islice():
    def counting():
        n = 0
        while True:
            n += (yield note(n)) or 1

    numbers = counting()
    out = []
    for each in numbers:
        out.append(each)
        if each > 5:
            break
        out.append(numbers.send(note(3)))
    return out


def stop_iteration_inside():
    def broken():
        yield 1
        next(iter([]))
        yield 2

    out = []
    try:
        for each in broken():
            out.append(note(each))
    except RuntimeError as error:
        out.append(str(error))
        note(type(error.__cause__).__name__)
    return out


def pipeline():
    def numbers():
        for n in range(4):
            note(("made", n))
            yield n

    def even(source):
        for n in source:
            if n % 2 == 0:
                yield n
            else:
                note(("dropped", n))

    def squared(source):
        return (note(n * n) for n in source)

    total = 0
    for n in squared(even(numbers())):
        total += n
    return total


def main():
    return (
        sent(), thrown(), closed(), closed_before_it_began(), delegated(), closed_while_delegating(), thrown_through(),
        value_of_yield_from(), over_other_iterables(), generator_methods(), returned_in_finally(), yield_in_finally(),
        yield_in_handler_and_with(), infinite_with_islice(), stop_iteration_inside(), pipeline(),
    )
