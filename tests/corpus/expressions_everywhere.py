log = []


def note(x):
    log.append(x)
    return x


class Chain:
    def __init__(self):
        self.steps = []

    def then(self, x):
        self.steps.append(note(x))
        return self

    @property
    def last(self):
        return note(self.steps[-1])


def chained_comparisons():
    out = [note(1) < note(2) < note(3), note(1) < note(1) < note("never")]
    out.append(note(1) <= note(1) == note(1) != note(2) > note(0))
    out.append(note(1) in [note(1)] in [[1], 2])
    out.append(not note(1) is note(1) is not None)
    if 0 < note(2) < note(5) and not note(3) > note(4) > note("never"):
        out.append("both")
    while note(len(out)) < 7 <= note(8):
        out.append(note(0) == 0 == note(0))
    return out


def chained_with_walrus():
    n = 0
    out = []
    while 0 <= (n := n + 1) < note(4) and (half := n / 2) != note(1.5):
        out.append((n, half))
    return out, n


def comprehensions_with_walrus():
    last = None
    pairs = [(x, y) for x in range(note(3)) if (last := note(x)) for y in range(x) if note(y) is not None]
    rows = [[note(x * y) for y in range(2)] for x in range(2)]
    table = {x: {note(y) for y in range(x)} for x in range(3)}
    lines = {(key := note(word))[0]: len(key) for word in ("ab", "cd")}
    found = any((witness := note(x)) > 1 for x in range(4))
    return pairs, last, rows, table, lines, key, found, witness


def comprehensions_and_closures():
    functions = [lambda x, n=n: note(x + n) for n in range(3)]
    late = [lambda: note(n) for n in range(2)]
    nested = [[f(x) for f in functions if note(f(0)) > 0] for x in (10, 20)]
    return nested, [f() for f in late], [(lambda: [y for y in range(note(x))])() for x in range(2)]


def comprehension_in_a_condition():
    out = []
    if [note(x) for x in range(2)] and not {note(x) for x in ()}:
        out.append(sum(note(x) for x in range(3)))
    for word in [w.upper() for w in ("a", "b") if note(w)]:
        out.append(word)
    return out if all([note(x) for x in (1, 2)]) else "never"


def first_iterable_is_outside():
    x = [1, 2]
    out = [note(x) for x in x]
    y = [[note(i) for i in x] for x in (x, x[1:])]
    return out, y, x


def conditional_expressions():
    out = []
    for n in range(4):
        out.append(note("a") if n < 1 else note("b") if note(n) < 2 else note("c") if n == 2 else note("d"))
    chosen = (note if note(True) else print)(note(5))
    both = [note(1) if note(0) else note(2), *([note(3)] if note(1) else [])]
    return out, chosen, both


def short_circuits():
    out = [note(0) or note("") or note("last"), note(1) and note([]) and note("never")]
    out.append((note(0) or note(1)) and (note(2) or note("never")))
    out.append(not (note(1) and not note(0)) or note("tail"))
    x = note(None) or {"k": note(0)}["k"] or [note(7)][0]
    assert note(1) or note("never")
    return out, x


def formatted():
    name, width, number = note("n"), note(6), 3.14159
    out = [f"{note(name)!r:>{note(width)}}|{number:{width}.{note(2)}f}"]
    out.append(f"{note(1)=} {note(2) + note(3)} {'nested ' + f'{note(name)}'}")
    out.append(f"{ {note('k'): 1}['k'] } {{literal}} {[note(x) for x in range(2)]}")
    out.append("%s %r" % (note(1), note("x")) + "{} {k}".format(note(2), k=note(3)))
    return out


def slices():
    items = list(range(10))
    out = [items[note(1):note(5):note(2)], items[:note(-7)], items[note(8):], items[::note(-3)]]
    items[note(0):note(2)] = [note("x")]
    table = {(note(1), note(2)): "pair", slice(1, 2).start: note("one")}
    return out, items, table[note(1), note(2)], "abc"[note(1)], [[1, 2], [3]][note(0)][note(1)]


def displays():
    one = [note(1), *[note(2), *(note(3),)], note(4)]
    two = {note("a"): note(1), **{note("b"): 2}, note("a"): note(3)}
    three = {note(1), *{note(2)}, *[note(2)]}
    four = note(1), *one, (note(2),)
    return one, two, three, four


def attributes_in_the_middle():
    return Chain().then(note(1)).then(2).last + note(3), "a-b".upper().split(note("-"))[note(1)].lower()


def evaluation_order():
    def trace(x):
        note(("get", x))
        return {"k": x, "l": [x]}

    trace("target")[note("k")] = trace("value")["k"]
    trace("a")["l"][note(0)] += trace("b")["k"] + "c"
    result = trace("x")[note("k")] + trace("y")["l"][note(0)]
    a = 1
    sums = a + (a := note(5)) * a + a
    return result, sums, [a, (a := note(6)), a], {a: (a := note(7)), a: a}


def lambdas_in_the_middle():
    items, table = [1, 2, 3, 4], {}
    both = [items.pop(), lambda: note("called"), items.pop()]
    table[items.pop()] = lambda x=items.pop(): note(x)
    f = lambda a, b=note(1), *c, d=note(2): (a, b, c, d)
    later = note(0), lambda x=(n := note(5)): (lambda y=note(7): note(x + y)), n
    return both[0], both[1](), both[2], table[2](), items, f(0, d=3), later[1]()(), later[2]


def comprehensions_in_the_middle():
    items = list(range(9))
    out = [items.pop(), [x for x in items if x % 4 == 0], items.pop(), {x: items.pop() for x in range(2)}]
    out += [items.pop()] + [[y for y in range(x)] for x in range(2)]
    try:
        out.append([items.pop() + x for x in (1, None, 2)])
    except TypeError:
        note(items)
    try:
        out.append({items.pop(): [[1 // (x - y) for x in (items.pop(),)] for y in (7, 0)]})
    except (IndexError, ZeroDivisionError) as error:
        note(repr(error))
    return out, items


def constants_and_edges():
    big = note(10) ** 30 + note(1)
    tiny = note(1e-300) * 1e-300
    parts = (note(1) + 2j) * note(3j)
    nothing = ... if note(...) is Ellipsis else None
    return big, tiny, parts, nothing, b"\x00" + note(b"x"), note("é\N{SNOWMAN}") * 2, 0.1 + note(0.2), note(-0.0)


def main():
    return (
        chained_comparisons(), chained_with_walrus(), comprehensions_with_walrus(), comprehensions_and_closures(),
        comprehension_in_a_condition(), first_iterable_is_outside(), conditional_expressions(), short_circuits(),
        formatted(), slices(), displays(), attributes_in_the_middle(), evaluation_order(), constants_and_edges(),
        lambdas_in_the_middle(), comprehensions_in_the_middle(),
    )
