log = []
TABLE = {"a": [1], "deep": {"list": [2]}}
ROWS = ([], {})
NAMES = {"x": 1}
GONE = "deleted on the way"


class Registry:
    rooms = {"hall": []}


def note(x):
    log.append(x)
    return x


def main():
    global GONE
    row = TABLE["a"]
    deep = TABLE["deep"]["list"]
    hall = Registry.rooms["hall"]
    first = ROWS[0]
    row.append(note(5))
    deep.append(note(6))
    hall.append(note(7))
    first.append(note(8))
    names = NAMES
    note(names is NAMES)
    names["y"] = 2
    note(NAMES)
    del GONE
    note("GONE" in globals())
    GONE = note("back")
    del Registry.rooms
    note(hasattr(Registry, "rooms"))
    return TABLE, ROWS, row is TABLE["a"], GONE
