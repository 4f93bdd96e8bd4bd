import weakref

log = []


def note(x):
    log.append(x)
    return x


class Held:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        log.append(("gone", self.name))


def once():
    held = Held("to the end")
    note("held")
    dropped = Held("dropped")
    note("three")
    dropped = None
    note("two")


def inside():
    pair = [Held("in a list")]
    note("a list")
    note("still")


def weakly():
    held = Held("weakly")
    seen = weakref.ref(held)
    note("between")
    note(seen() is not None)
    del held
    note(seen() is None)


def shown(a, b=2):
    c = note(3)
    before = sorted(locals())
    d = sorted(vars())
    note("and")
    return before, d, sorted(dir()), locals()["a"]


def main():
    once()
    inside()
    note("after")
    weakly()
    note(shown(1))
    return log
