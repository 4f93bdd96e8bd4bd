"""Operations that call methods of the program's own classes are places where a function can be stopped."""

from __future__ import annotations

import pytest

from tests.engine.harness import exercise, source_of

CLASS = """
log = []


class Own:
    def __init__(self, n):
        self.n = n

    def METHOD(self, *others):
        log.append("begun")
        result = RESULT
        log.append("done")
        return result


def main():
    x, y = Own(1), Own(2)
    OPERATION
    return log
"""
OPERATIONS = {
    "__add__": ("x.__class__(3)", "log.append((x + y).n)"),
    "__radd__": ("5", "log.append(1 + x)"),
    "__iadd__": ("self", "x += 1"),
    "__matmul__": ("5", "log.append(x @ y)"),
    "__neg__": ("5", "log.append(-x)"),
    "__eq__": ("True", "log.append(x == y)"),
    "__ne__": ("True", "log.append(x != y)"),
    "__lt__": ("True", "log.append(x < y)"),
    "__ge__": ("''", "log.append(x >= y)"),
    "__contains__": ("[]", "log.append(7 not in x)"),
    "__getitem__": ("5", "log.append(x[1:2])"),
    "__setitem__": ("None", "x[1] = y[2] = 3"),
    "__delitem__": ("None", "del x[1]"),
    "__bool__": ("False", "log.append(1 if x else 2)"),
    "__len__": ("4", "log.append(len(x) + len(y))"),
    "__iter__": ("iter('ab')", "for c in x: log.append(c)"),
    "__str__": ("'text'", "log.append(str(x))"),
    "__repr__": ("'text'", "log.append(str(x) + repr(y))"),
    "__hash__": ("-1", "log.append(hash(x))"),
    "__abs__": ("5", "log.append(abs(x))"),
    "__setattr__": ("object.__setattr__(self, *others)", "x.m = 1"),
}


@pytest.mark.parametrize("method", OPERATIONS)
def test_a_stop_inside_the_method_is_taken_and_goes_on_equal(method):
    result, operation = OPERATIONS[method]
    if method == "__radd__":
        result = "5 + others[0]"
    text = CLASS.replace("METHOD", method).replace("RESULT", result.replace("x.__class__", "Own"))
    report = exercise(source_of(text.replace("OPERATION", operation)))
    assert report.different == []
    assert report.equal == report.taken > 4
    assert not report.passed, report.passed


@pytest.mark.parametrize(
    ("operation", "by"),
    [
        ("log.append(sum([Own(1), Own(2)], Own(0)).n)", "sum"),
        ("log.append([Own(1)] == [Own(2)])", "the comparison of two lists"),
        ("log.append(max(Own(1), Own(2), key=lambda o: o + o).n)", "a key"),
    ],
)
def test_a_method_that_c_code_calls_on_its_way_is_passed_by(operation, by):
    text = CLASS.replace("METHOD", "__add__").replace("RESULT", "Own(self.n + others[0].n)")
    text = text.replace(
        "    def __init__",
        "    def __eq__(self, other):\n        equal = self.n == other.n\n        return equal\n\n    def __lt__(self, other):\n        return self.n < other.n\n\n    __gt__ = __lt__\n\n    def __init__",
    )
    report = exercise(source_of(text.replace("OPERATION", operation)))
    assert report.different == []
    assert report.passed, by


def test_programs_without_such_methods_stay_as_they_are():
    text = "def main():\n    x = [1, 2]\n    y = x[0] + x[1] * 2\n    return -y if x and y > 3 else len(x)\n"
    from devices.runtime.python.module import code_of

    (module,) = code_of(source_of(text)).modules.values()
    assert len(module.shape.functions[0].steps) == 3
