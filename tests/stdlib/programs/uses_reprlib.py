import reprlib


class Short(reprlib.Repr):
    def repr_complex(self, value, level):
        return f"<{value.real:g}>"


class Ring:
    def __init__(self):
        self.next = self

    @reprlib.recursive_repr(fillvalue="<ring>")
    def __repr__(self):
        inner = repr(self.next)
        return f"Ring({inner})"


def main():
    short = Short()
    short.maxlist = 2
    texts = (
        short.repr([1, [2, [3, [4, [5, [6, [7]]]]]], 3, 4]),
        short.repr({"a": 1, "b": [1, 2, 3]}),
        short.repr(3 + 4j),
    )
    return texts, reprlib.repr("x" * 100), reprlib.repr(10**100), reprlib.repr({3, 1, 2}), reprlib.repr(Ring())
