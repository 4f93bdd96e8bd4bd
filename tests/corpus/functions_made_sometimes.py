log = []


def note(x):
    log.append(x)
    return x


class Bag:
    def __init__(self, *items):
        self.items = items

    def __contains__(self, item):
        note(f"asked {item}")
        return item in self.items


class Shelf:
    known = Bag("x", "xyz")
    letters = "AB"


def either(first, text, shelf):
    return first is not None and (all(x in shelf.letters for x in text) or text in shelf.known)


def chosen(text, shelf):
    return any(x == "A" for x in text) if text else text in shelf.known


def with_default(first, shelf):
    make = first and (lambda x, start=note(10), *, step=note(2): (x + start + step) in shelf.known)
    return make and make(1)


def nested(rows, shelf):
    return [row for row in rows] and (lambda: note("made"))() and (sorted(rows, key=lambda r: -r) or rows in shelf.known)


def main():
    shelf = Shelf()
    out = [either(None, "A", shelf), either(1, "AB", shelf), either(1, "xyz", shelf), either(1, "z", shelf)]
    out += [chosen("A", shelf), chosen("", shelf)]
    out += [with_default(0, shelf), with_default(1, shelf), nested([], shelf), nested([1, 2], shelf)]
    return out
