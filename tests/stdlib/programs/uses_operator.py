import operator


class Place:
    def __init__(self, name):
        self.name = name
        self.rooms = {"hall": [1, 2]}

    def shout(self, mark, *, times=1):
        text = self.name.upper()
        return text + mark * times


def main():
    place = Place("attic")
    called = operator.methodcaller("shout", "!", times=2)(place)
    got = (
        operator.attrgetter("name", "rooms")(place),
        operator.itemgetter(1, 0)("ab"),
        operator.attrgetter("name.real.imag"),
    )
    sums = operator.add(1, 2), operator.concat([1], [2]), operator.countOf([1, 2, 1], 1), operator.indexOf("abc", "c")
    rows = [1, 2]
    operator.setitem(rows, 0, 5)
    rows = operator.iadd(rows, [3])
    operator.delitem(rows, 1)
    return called, got[:2], sums, rows, operator.length_hint(iter([1, 2, 3])), operator.truth([]), repr(got[2])
