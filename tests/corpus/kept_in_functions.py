import functools

log = []


def note(x):
    log.append(x)
    return x


def make():
    n=0
    seen=[]
    def inc():
        nonlocal n
        n+=1
        seen.append(n)
        return n, list(seen)
    return inc
counter=make()
@(lambda f: f)
def plain(a=[]):
    a.append(1)
    b=len(a)
    return b
def count_calls(f):
    def w(*a):
        w.calls+=1
        return f(*a)
    w.calls=0
    return w
@count_calls
def g(x):
    y=x
    return y
class C:
    n=make()
    @staticmethod
    def s(q=[]):
        q.append(2)
        r=len(q)
        return r
def gen():
    i=0
    while True:
        i+=1
        yield i
ticks = gen()


def gathered(x, seen=[], *, by={"name": []}):
    seen.append(x)
    here = seen
    by["name"].append(note(x))
    return here


def numbered():
    numbered.count = getattr(numbered, "count", 0) + 1
    numbered.seen.append(note(numbered.count))
    return numbered.count


numbered.seen = []


def remembering(f):
    known = {}

    @functools.wraps(f)
    def wrapper(n):
        if n not in known:
            note("asked")
            known[n] = f(n)
        return known[n]

    return wrapper


@remembering
def double(n):
    result = n * 2
    return result


def main():
    note([counter(), counter(), plain(), plain()])
    note([g(1), g(2), g.calls])
    note([C.s(), C.s(), C.n(), C.n()])
    note([next(ticks), next(ticks)])
    gathered(1)
    first, second = gathered(2), gathered(3)
    note(first is second is gathered.__defaults__[0])
    note([numbered(), numbered(), numbered.seen])
    note([double(3), double(3), double(4)])
    same = counter
    note([same is counter, same()[0], counter()[0]])
    return log
