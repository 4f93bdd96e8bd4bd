log = []


def note(x):
    log.append(x)
    return x


def counter(start):
    n = start

    def inc(by=1):
        nonlocal n
        n += by
        note(n)
        return n

    def get():
        return n

    inc()
    n += 10
    get_twice = lambda: get() + n
    inc()
    return inc, get, get_twice


def outer():
    funcs = []
    for i in range(3):
        def f(i=i):
            return note(i)
        funcs.append(f)
        funcs.append(lambda: note(i))
    return [f() for f in funcs]


def deco(tag):
    note(("deco", tag))

    def wrap(f):
        note("wrap")

        def inner(*args):
            note(tag)
            return f(*args) + 1
        return inner
    return wrap


@deco("module")
def decorated(x):
    return note(x)


def main():
    inc, get, both = counter(5)
    out = [inc(), get(), both()]
    inc2, get2, _ = counter(100)
    inc2(get())
    out.append((get(), get2()))
    out.append(outer())

    @deco(note("local"))
    def local(x):
        return note(x) + len(out)
    out.append(local(3))
    out.append(decorated(4))

    def fact(n):
        return 1 if n == 0 else n * fact(n - 1)
    out.append(fact(4))
    total = 0

    def add(x):
        nonlocal total
        total += x
        return total
    for x in range(3):
        add(x)
        note(total)
    out.append([add(x) + total for x in range(2)])
    return out, total
