log = []


def note(x):
    log.append(x)
    return x


class Box:
    def __init__(self, v):
        self.v = v

    def get(self, n=0):
        log.append(("get", self.v, n))
        return self.v + n

    def twice(self):
        return self.get(1) + self.get(2)


def pair(*args, **kw):
    log.append((args, sorted(kw.items())))
    return len(args)


G = 5


def setg():
    global G
    G += 1
    return G


def main():
    b = Box(note(3))
    out = []
    out.append(b.get() + b.get(b.get(1)) * note(2))
    out.append(note(1) if note(0) else note(2) + note(3))
    out.append((note(1) and note(0)) or note(5))
    out.append(not note(1) and note(2))
    out.append(note(1) < note(2) < note(3) != note(4))
    out.append(note(9) < note(2) < note(3))
    out.append(f"{note(1)!r:>5} {note('x')} {b.get(note(2))}")
    d = {note("k"): note("v"), **{"z": note(1)}, note("y"): note(2)}
    out.append(d)
    lst = [note(1), *[note(2), note(3)], note(4)]
    lst[note(0)] = note(10)
    lst[note(1)] += note(100)
    lst[note(0):note(2)] = [note(7)]
    out.append(lst)
    b.v += note(1)
    out.append(b.v)
    x = 1
    x += note(x := 5)
    out.append(x)
    out.append(G + setg() + G)
    out.append(pair(note(1), *[note(2)], k=note(3), **{"m": note(4)}))
    (a, *c), e = [note(1), 2, 3], note(4)
    out.append((a, c, e))
    assert note(True), note("message")
    assert note(1) and note(2)
    if (n := note(3)) > 2 and (m := note(n)):
        out.append((n, m))
    out.append([note(i) for i in range(2)])
    out.append({note(i): note(-i) for i in range(2)})
    out.append({note(i) for i in range(2) if note(True)})
    out.append([i * j for i in range(2) for j in range(note(2)) if note(i + j)])
    out.append(list(note(i) for i in range(2)))
    out.append((lambda v: note(v) + note(v))(3))
    out.append(sorted([3, 1, 2], key=lambda v: -v))
    out.append(b.twice())
    del lst[note(0)], d[note("k")]
    out.append(Box(note(1)).get(2))
    out.append([note, pair][note(0)](note(6)))
    out.append(-note(2) ** note(2))
    out.append("a b".split()[note(1)].upper() + str(note(1)))
    try:
        print(undefined, note(1))
    except NameError:
        note("name error")
    try:
        unbound + note(1)
        unbound = 2
    except NameError:
        note("unbound")
    return out
