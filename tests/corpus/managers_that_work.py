log = []


def note(x):
    log.append(x)
    return x


class Tx:
    def __init__(self, name, eat=False):
        self.name = name
        self.eat = eat

    def __enter__(self):
        for i in range(2):
            note(("enter", self.name, i))
        return self

    def __exit__(self, kind, value, tb):
        note(("exit", self.name, kind and kind.__name__))
        for i in range(2):
            note(i)
        return self.eat


class Odd:
    def __enter__(self):
        note("odd")


def leave(how):
    for i in range(3):
        with Tx("a", True) as a, Tx("b") as b:
            note((a.name, b.name))
            if how == "return":
                return note("out")
            if how == "break":
                break
            if how == "continue":
                continue
            if how == "raise":
                raise ValueError(how)
    return i


def main():
    out = [leave(how) for how in ("return", "break", "continue", "raise", "")]
    try:
        with Tx("x") as x:
            note(x.name)
            note(1 / 0)
    except ZeroDivisionError as e:
        note(repr(e))
        out.append(str(e.__context__))
    box = {}
    with Tx("y") as box[note("k")]:
        note(len(box))
    try:
        with Odd():
            note("never")
    except (TypeError, AttributeError) as e:
        note(type(e).__name__)
    with Tx("last"):
        raise KeyError("k")
