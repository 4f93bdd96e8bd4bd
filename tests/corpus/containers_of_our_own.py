log = []


def note(x):
    log.append(x)
    return x


class Shelf:
    def __init__(self, *things):
        self.things = list(things)

    def __getitem__(self, key):
        note(("get", key))
        if isinstance(key, slice):
            return Shelf(*self.things[key])
        return self.things[key]

    def __setitem__(self, key, value):
        note(("set", key))
        self.things[key] = value

    def __delitem__(self, key):
        note(("del", key))
        del self.things[key]

    def __len__(self):
        count = len(self.things)
        note("len")
        return count

    def __contains__(self, thing):
        for each in self.things:
            if each == thing:
                return note("found")
        return note(None)

    def __iter__(self):
        note("iter")
        return Steps(self.things)

    def __reversed__(self):
        note("reversed")
        return iter(self.things[::-1])

    def __repr__(self):
        text = ", ".join(map(repr, self.things))
        note("repr")
        return f"<{text}>"


class Steps:
    def __init__(self, things):
        self.left = list(things)

    def __iter__(self):
        return self

    def __next__(self):
        if not self.left:
            note("end")
            raise StopIteration
        return self.left.pop(0)


class Wrong:
    def __init__(self, of):
        self.of = of

    def __len__(self):
        note("wrong len")
        return self.of

    def __str__(self):
        note("wrong str")
        return self.of

    def __iter__(self):
        note("wrong iter")
        return self.of

    def __bool__(self):
        note("wrong bool")
        return self.of


def index(n):
    return note(n)


def main():
    shelf = Shelf("a", "b", "c", "d")
    note(shelf[1])
    note(shelf[index(0)] + shelf[-1])
    note(shelf[1:index(3)])
    shelf[0] = shelf[2] = note("z")
    shelf[1] += note("y")
    first, shelf[3] = note(("q", "r"))
    del shelf[0]
    note(len(shelf))
    note("z" in shelf)
    note("x" not in shelf)
    for thing in shelf:
        note(thing)
    note([thing * 2 for thing in shelf if thing])
    note({thing for thing in shelf} == {"by", "z", "r"})
    for shelf[0] in (1, 2):
        note(shelf[0])
    note(list(reversed(shelf)))
    note(repr(shelf))
    note(str(shelf))
    note(iter(shelf).left)
    note("full" if shelf else "empty")
    while shelf:
        del shelf[0]
    if not shelf and note(True):
        note("empty")
    for of in (-1, "x", 5, None):
        for action in (len, str, iter, bool):
            try:
                wrong = Wrong(of)
                if action is len:
                    note(len(wrong))
                elif action is str:
                    note(str(wrong))
                elif action is iter:
                    for _ in wrong:
                        note("never")
                else:
                    note("true" if wrong else "false")
            except (TypeError, ValueError) as error:
                note(str(error))
    return log, first
