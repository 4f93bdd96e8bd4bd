"""A stopped function goes on with changed source exactly where it stood, or says why it cannot."""

from __future__ import annotations

import re

import pytest

from tests.upgrading.landing import goes_on, onto, reasons, source

COUNTING = """
    def main():
        total = 0
        for number in range(5):
            total += number
            noted = total  # here
        return total
"""


def changed(old: str, *changes: tuple[str, str]) -> str:
    """The text with each first thing replaced by the second."""
    for one, other in changes:
        assert one in old, one
        old = old.replace(one, other)
    return old


@pytest.mark.parametrize(
    ("changes", "result"),
    [
        pytest.param([], 10, id="nothing"),
        pytest.param([("return total", "return total * 2")], 20, id="what follows"),
        pytest.param([("total += number", "total += number * 10")], 0 + 1 + 20 + 30 + 40, id="what came before, in the loop"),
        pytest.param([("total = 0", "total = 0\n        started = 'now'")], 10, id="a new variable that the rest never reads"),
        pytest.param([("noted = total  # here", "noted = total\n            double = noted * 2\n            total += double - 2 * noted")], 10, id="a new variable that the rest binds first"),
        pytest.param([("def main", "LIMIT = 7\n\n    def unused(x):\n        return [y for y in x]\n\n    def main")], 10, id="new globals"),
        pytest.param([("total = 0", "total = 0\n        for _ in []:\n            pass")], 10, id="a loop before it"),
        pytest.param([("return total", "else:\n            total += 100\n        return total")], 110, id="an else of its loop"),
    ],
)  # fmt: skip
def test_a_frame_lands_where_its_statement_and_its_loop_are_unchanged(changes, result):
    new = changed(COUNTING, *changes)
    upgrade = onto(COUNTING, new, occurrence=1)
    assert goes_on(upgrade, new) == result
    text = source(new).files["program.py"].splitlines()
    assert "noted = total" in text[upgrade.frames[0].new_line - 1]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param([("noted = total", "noted = total + 1")], "its statement is gone or has changed", id="its statement"),
        pytest.param([("            noted = total  # here\n", "")], "its statement is gone", id="its statement is gone"),
        pytest.param([("range(5)", "range(6)")], "the 'for' of line 4, in which it stands", id="the loop's iterable"),
        pytest.param([("for number in", "for n in"), ("+= number", "+= n")], "the 'for' of line 4", id="the loop's variable"),
        pytest.param([("total += number\n            noted = total  # here", "noted = total\n            total += number")], "stood before it and stands behind it now", id="what has run would run again"),
        pytest.param([("total", "amount"), ("noted = amount", "noted = total")], "it reads 'total' as a global now", id="a renamed variable"),
        pytest.param([("return total", "return total + bonus"), ("total = 0", "total = 0\n        bonus = 5")], "it needs 'bonus', of which the checkpoint has no value", id="a variable that nobody has"),
        pytest.param([("def main", "def other")], "the function main is gone", id="its function"),
        pytest.param([("def main():\n", "total = 0\n\n    def main():\n        global total\n")], "it reads 'total' as a global now", id="a local that becomes global"),
        pytest.param([("for number in range(5):", "for number in range(5):\n          with open('x') as f:"), ("            ", "              ")], "gone or has changed", id="a with around it"),
        pytest.param([("noted = total", "noted = total\n            noted = total")], "gone or has changed", id="twice where it was once"),
    ],
)  # fmt: skip
def test_a_frame_that_stands_nowhere_for_certain_is_refused_with_the_reason(changes, reason):
    assert re.search(reason, reasons(onto(COUNTING, changed(COUNTING, *changes), occurrence=1))[0])


CALLING = """
    def add(one, other):
        result = one + other  # here
        return result

    def main():
        seen = []
        watts = 40
        value = max(add(watts, 2), len(seen))
        return value
"""


def test_frames_below_land_in_their_calls_and_the_functions_around_may_change():
    new = changed(
        CALLING,
        ("return result", "return result * 100"),
        ("return value", "return [value]"),
        ("seen = []", "seen = [1]"),
    )
    upgrade = onto(CALLING, new)
    assert goes_on(upgrade, new) == [4200]
    assert [(each.function, each.line, each.new_line) for each in upgrade.frames] == [("main", 9, 9), ("add", 3, 3)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("max(add(watts, 2), len(seen))", "max(len(seen), add(watts, 2))"),
        ("add(watts, 2)", "add(2, watts)"),
        ("value = max(", "value = min("),
    ],
)
def test_a_frame_in_the_middle_of_an_expression_does_not_land_if_the_expression_has_changed(one, other):
    assert reasons(onto(CALLING, changed(CALLING, (one, other)))) == ["its statement is gone or has changed"]


HANDLING = """
    import contextlib

    @contextlib.contextmanager
    def noting(log, name):
        log.append(name)
        try:
            yield name
        finally:
            log.append("over")

    def main():
        log = []
        step = 0
        with contextlib.suppress(KeyError) as entered:
            while step < 3:
                try:
                    step += 1
                    raise ValueError(step)
                except ValueError as error:
                    log.append(str(error))
                    step += 0  # here
                    log.append(repr(error))
                finally:
                    log.append("final")
        if step > 1:
            log.append("end")
        return log
"""


def test_what_is_pending_around_it_goes_on_as_the_new_source_says():
    new = changed(HANDLING, ('log.append("final")', 'log.append("finally")'), ("log.append(repr(error))", "pass"))
    assert goes_on(onto(HANDLING, new), new) == ["1", "finally", "2", "finally", "3", "finally", "end"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ([("step < 3", "step < 4")], "the 'while' of line 16, in which it stands, is gone or has changed"),
        ([("suppress(KeyError)", "suppress(OSError)")], "the 'with' of line 15"),
        ([("except ValueError as error", "except (ValueError, OSError) as error")], "the 'try' of line 17"),
        ([('                finally:\n                    log.append("final")\n', "")], "the 'try' of line 17"),
        ([("as entered", "as entered, contextlib.suppress(OSError)")], "the 'with' of line 15"),
    ],
)  # fmt: skip
def test_a_pending_block_that_has_changed_is_named(changes, reason):
    assert reasons(onto(HANDLING, changed(HANDLING, *changes)))[0].startswith(reason)


def test_the_condition_of_an_if_around_it_may_change_but_not_which_branch_it_is():
    old = """
        def main():
            x = 5
            if x > 3:
                y = x  # here
                x += 1
            else:
                x = 0
            return x
    """
    new = changed(old, ("x > 3", "x > 300"))
    assert goes_on(onto(old, new), new) == 6
    swapped = changed(
        old,
        ("y = x  # here\n                x += 1", "x = 0"),
        ("else:\n                x = 0", "else:\n                y = x\n                x += 1"),
    )
    assert reasons(onto(old, swapped)) == ["its statement is gone or has changed"]


def test_a_statement_that_occurs_several_times_lands_on_the_one_it_was_or_not_at_all():
    old = """
        def main():
            log = []
            log.append(1)
            log.append(2)
            log.append(1)  # here
            return log
    """
    longer = changed(old, ("return log", "log.append(3)\n            return log"))
    assert goes_on(onto(old, longer), longer) == [1, 2, 1, 3]
    doubled = changed(old, ("log.append(2)", "log.append(2)\n            log.append(1)"))
    assert reasons(onto(old, doubled)) == ["its statement is gone or has changed"]


GENERATORS = """
    def numbers(limit):
        seen = 0
        for each in range(limit):
            seen += each
            yield seen
        seen = -1

    class Counter:
        step = 1

        def __init__(self):
            self.count = 0

        def add(self, times=2):
            for _ in range(times):
                self.count += self.step
                done = self.count  # here
            return self.count

    def main():
        counter = Counter()
        later = [each for each in range(3)]
        source = numbers(4)
        first = next(source)
        second = next(source)
        name = lambda value: value + 1
        result = counter.add()
        return [first, second, *source, result, name(1), len(later)]
"""


def test_methods_and_generators_that_wait_land_too():
    new = changed(
        GENERATORS,
        ("class Counter", "UNIT = 'W'\n\n    class Counter"),
        ("seen = -1", "yield 'over'"),
        ("self.count += self.step", "self.count += self.step * 10"),
        ("return [first", "return ['new', first"),
        ("seen = 0", "seen = 0\n        for _ in ():\n            pass"),
    )
    upgrade = onto(GENERATORS, new)
    assert goes_on(upgrade, new) == ["new", 0, 1, 3, 6, "over", 11, 2, 3]
    assert upgrade.running == 2
    assert [each.function for each in upgrade.frames] == ["main", "Counter.add", "numbers"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ([("yield seen", "yield seen + 1")], "its statement is gone or has changed"),
        ([("value + 1", "value + 2")], "the lambda of line 27 has changed"),
        ([("def numbers(limit):", "def numbers(limit):\n        return"), ("yield seen", "print(seen)")], "numbers() is no generator now"),
        ([("class Counter", "class Meter"), ("Counter()", "Meter()")], "the function Counter.add is gone"),
    ],
)  # fmt: skip
def test_what_a_value_leads_to_must_land_as_well(changes, reason):
    assert any(reason in each for each in reasons(onto(GENERATORS, changed(GENERATORS, *changes))))


CLOSURES = """
    def main():
        total = 10
        factor = 3

        def scaled(value, offset=1):
            return value * factor + offset

        waiting = total  # here
        return scaled(waiting)
"""


def test_a_function_that_travels_gets_its_new_body_and_keeps_its_closure():
    new = changed(
        CLOSURES,
        ("value * factor + offset", "-(value * factor + offset)"),
        ("return scaled(waiting)", "return [scaled(waiting)]"),
    )
    assert goes_on(onto(CLOSURES, new), new) == [-31]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ([("offset=1", "offset=2")], "the parameters of main.<locals>.scaled, or their defaults, have changed"),
        ([("factor + offset", "factor + offset + total")], "uses 'total' of the function around it now"),
        ([("def scaled", "def rescaled"), ("return scaled(waiting)", "return rescaled(waiting)")], "it needs 'rescaled'|scaled is gone"),
    ],
)  # fmt: skip
def test_a_function_with_other_defaults_or_another_closure_is_refused(changes, reason):
    assert any(re.search(reason, each) for each in reasons(onto(CLOSURES, changed(CLOSURES, *changes))))


STATE = """
    LIMIT = 3
    count = 0
    spent = 0
    table = {"a": 1}

    def tick(times=[]):
        global count
        count += 1
        times.append(count)
        table["b"] = count
        return len(times)

    def main():
        global spent
        tick()
        spent = 7
        here = tick()  # here
        return [LIMIT, count, table, tick()]
"""


def test_globals_that_the_program_has_changed_keep_their_values_and_others_are_new():
    new = changed(
        STATE,
        ("LIMIT = 3", "LIMIT = 30\n    EXTRA = 'x'"),
        ("count = 0", "count = 1000"),
        ("return [LIMIT", "return [EXTRA, LIMIT"),
    )
    upgrade = onto(STATE, new)
    assert goes_on(upgrade, new) == ["x", 30, 2, {"a": 1, "b": 3}, 3]
    assert {"program.count", "program.table", "program.tick(0)"} <= set(upgrade.kept)
    assert "program.spent" not in upgrade.kept


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ([("return [LIMIT", "return [spent, LIMIT")], "goes on to use the global program.spent"),
        ([("tick(times=[])", "tick(other=(), times=[])")], "the parameters of tick, whose defaults the program has changed"),
        ([("count = 0\n", "def count():\n        pass\n"), ("        global count\n        count += 1\n", "        count = 5\n"), ("LIMIT, count", "LIMIT")], "count, which the program has changed, is a function"),
    ],
)  # fmt: skip
def test_globals_whose_values_would_be_wrong_are_refused(changes, reason):
    assert any(reason in each for each in reasons(onto(STATE, changed(STATE, *changes))))


def test_modules_of_its_own_may_come_and_go_unless_it_stands_in_them():
    helper = "def help(value):\n    done = value + 1  # here\n    return done\n"
    old = source("import helper\n\ndef main():\n    return helper.help(1)\n", helper=helper)
    new = source(
        "import helper\nimport more\n\ndef main():\n    return helper.help(1)\n",
        helper=helper.replace("return done", "import more\n    return more.UNIT, done"),
        more="UNIT = 'kWh'\n",
    )
    assert goes_on(onto(old, new), new) == ("kWh", 2)
    assert reasons(onto(old, source("def main():\n    return 1\n")))[-1] == "the module helper is gone"
