import collections
import pprint
import types


def main():
    value = {
        "list": list(range(40)), "text": "word " * 30, "tuple": (1,), "set": {3, 1, 2}, "bytes": bytes(range(70)),
        "ordered": collections.OrderedDict(a=[1] * 30), "count": collections.Counter("mississippi"),
        "default": collections.defaultdict(int, {"x" * 30: 1, "y" * 30: 2}), "deque": collections.deque(range(30), 40),
        "space": types.SimpleNamespace(a="x" * 40, b="y" * 40), "chain": collections.ChainMap({"a": 1}, {"b": 2}),
    }  # fmt: skip
    text = pprint.pformat(value, width=60)
    narrow = pprint.pformat([[[[1, [2]]]]], depth=3, width=5, compact=True)
    numbers = pprint.pformat({"b": 1_000_000, "a": 2}, sort_dicts=False, underscore_numbers=True)
    loop = [1]
    loop.append(loop)
    return text, narrow, numbers, pprint.isrecursive(loop), pprint.isreadable(value)
