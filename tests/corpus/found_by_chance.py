"""What random programs have found."""

log = []


def note(x):
    log.append(x)
    return x


def generator_in_a_guard():
    b = note(1)
    match None:
        case None | True if not sum(note(z) + b for z in range(1)) or b in (b, 1):
            return note("first")
    return "never"


def any_in_a_guard():
    x = 5
    match x:
        case y if any(z == y for z in (4, 5)):
            note("yes")
    match x:
        case 4 | 5 if (lambda w: w == x)(5):
            return note("again"), [q for q in range(2) if any(r == q for r in (1,))]


def call_before_a_comprehension_that_makes_functions():
    items = [3, 2, 1]
    return note("once"), [q for q in items if any(r < q for r in items)], [[(lambda: note(q))()] for q in items]


def last_send():
    def echo():
        got = yield 1
        note(got)
        yield got

    steps = echo()
    next(steps)
    answer = steps.send(4)
    return answer


def last_throw():
    def catching():
        try:
            yield 1
        except KeyError as error:
            note(repr(error))
            yield "caught"

    steps = catching()
    next(steps)
    return [note("before"), steps.throw(KeyError(note("k")))]


def generators_everywhere():
    items, n = [3, 2, 1], 0
    while any(x > n for x in items):
        n += 1
        if n == 1 and all(x < 9 for x in items) and not any((lambda q: q)(x) > 9 for x in items):
            note("a")
        elif n == 2 or sum(x for x in items) < 3:
            note("b")
        elif any(x == n for x in items):
            note("c")
    try:
        raise KeyError(n)
    except tuple(k for k in (KeyError, ValueError)) as error:
        note(repr(error))
    assert all(k for k in items), "x".join(str(k) for k in items)
    pairs = [[1], [2]]
    pairs[max(x[0] for x in pairs) - 1] += [sum(y for y in x) for x in pairs]
    del pairs[min(i for i in range(2))]
    for pairs[max(0 for x in pairs)], *rest in ((z, z) for z in range(2)):
        note(pairs)
    return n, pairs, rest, (m := sum(x for x in [1])), m


def closing():
    try:
        yield 1
        yield 2
    finally:
        note("over")


def handled():
    try:
        raise KeyError(1)
    except KeyError as error:
        note(repr(error))
        x = 1
    return x


def frames_that_end_after_a_handler():
    steps = closing()
    next(steps)
    try:
        raise ValueError(2)
    except ValueError:
        a = handled()
    return a


def main():
    return (
        generator_in_a_guard(), any_in_a_guard(), call_before_a_comprehension_that_makes_functions(), last_send(),
        last_throw(), generators_everywhere(), frames_that_end_after_a_handler(),
    )
