import copy


class Node:
    def __init__(self, name):
        self.name = name
        self.others = []


class Counted:
    copies = 0

    def __init__(self, value):
        self.value = value

    def __deepcopy__(self, memo):
        Counted.copies += 1
        return Counted(copy.deepcopy(self.value, memo))

    def __copy__(self):
        return Counted(("shallow", self.value))


def main():
    one, two = Node("one"), Node("two")
    one.others += [two, one]
    two.others.append(one)
    deep = copy.deepcopy(one)
    loop = deep.others[1] is deep and deep.others[0].others[0] is deep and deep.others[0] is not two
    shallow = copy.copy(one)
    nested = copy.deepcopy({"a": [1, (2, [3])], "b": Counted([4]), "c": bytearray(b"x"), "d": {5}, "e": (6, 7)})
    return loop, shallow.others is one.others, deep.name, nested, copy.copy(Counted(1)), Counted.copies, deep
