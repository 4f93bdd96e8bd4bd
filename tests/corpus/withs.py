log = []


def note(x):
    log.append(x)
    return x


class Manager:
    def __init__(self, name, swallow=False):
        self.name = name
        self.swallow = swallow

    def __enter__(self):
        log.append("enter " + self.name)
        return self

    def __exit__(self, kind, value, traceback):
        log.append(("exit " + self.name, kind and kind.__name__, str(value)))
        return self.swallow


def leave(how):
    for i in range(2):
        with Manager("m", swallow=True) as m:
            note(m.name)
            if how == "return":
                return note("out")
            if how == "break":
                break
            if how == "continue":
                continue
            if how == "raise":
                raise ValueError(how)
            note("plain")
    return i


def main():
    out = []
    with Manager("a") as a, Manager("b") as b:
        note(a.name + b.name)
        out.append(note(1))
    for how in ("return", "break", "continue", "raise", ""):
        out.append(leave(how))
    with Manager(note("c")):
        with Manager("d", True):
            note("in d")
            raise KeyError("k")
        note("after d")
    box = [None]
    with Manager("e") as box[note(0)]:
        note(box[0].name)
    with Manager("last"):
        note("x")
        1 / 0
    return out
