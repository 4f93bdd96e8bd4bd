log = []


def note(x):
    log.append(x)
    return x


def count(n):
    try:
        for i in range(n):
            got = yield note(i)
            if got:
                note(("got", got))
    finally:
        note("closed")


def chain(*its):
    for it in its:
        r = yield from it
        note(r)
    return "end"


def tree(depth):
    if depth:
        yield from tree(depth - 1)
        yield depth
        yield from tree(depth - 1)


def main():
    out = []
    for x in count(3):
        out.append(note(x))
    g = count(5)
    out.append(next(g))
    out.append(g.send(note("hello")))
    note("suspended")
    out.append(next(g, None))
    g.close()
    note("after close")
    out.append(next(g, "default"))
    for x in chain(count(2), [7, 8], (note(i) for i in range(2))):
        out.append(x)
    for x in tree(3):
        out.append(x)
    e = enumerate(count(2))
    for i, x in e:
        out.append((i, x))
    z = zip([1, 2, 3], "abc", count(2))
    for t in z:
        note(t)
    un = count(2)
    note("unstarted")
    out.append(list(un))
    gx = (note(i) * 2 for i in range(3) if i)
    note(next(gx))
    out.append(sum(gx))
    for x in count(10):
        if x == 1:
            break
    note("left")
    d = {"a": 1, "b": 2}
    for k, v in d.items():
        note((k, v))
    for a in reversed([1, 2]):
        note(a)
    for m in map(str, [1, 2]):
        note(m)
    it = iter([1, 2, 3])
    next(it)
    for y in it:
        note(y)
    return out
