"""Why stops are passed by in the corpus: all reasons, file by file. One that comes or goes is a change to be looked at."""

from __future__ import annotations

from devices.runtime.python.versions import MONITORING

REASONS: dict[str, list[str]] = {
    "all_operators": [
        "Bits.__divmod__() is called from inside an operation",
        "Bits.__pow__() is called from inside an operation",
        (
            "Matrix.__matmul__.<locals>.<listcomp>.<locals>.<listcomp>.<locals>.<genexpr>() is called from "
            "inside an operation"
        ),
    ],
    "bare_iterators": [
        "code that is not the function's own (Bare.__next__) stands in between",
        "code that is not the function's own (iterated) stands in between",
    ],
    "beside_async": [
        "CannotTravelError: the function asyncio.runners.run cannot travel by its name",
    ],
    "classes_everywhere": [
        "Linked.__iter__() is called from inside an operation",
        "Made.__call__() is called from inside an operation",
        "Made.__getattr__() is called from inside an operation",
        "code that is not the function's own (cached_property.__get__) stands in between",
        "code that is not the function's own (singledispatch.<locals>.wrapper) stands in between",
    ],
    "comparisons": [
        "Version.__eq__() is called from inside an operation",
        "Version.__hash__() is called from inside an operation",
        "Version.__lt__() is called from inside an operation",
    ],
    "containers_of_our_own": [
        "Steps.__iter__() is called by the loop's iterator",
    ],
    "driven_generators": [
        "the generator careful() is not driven by the statement itself",
        "the generator delegating() is not driven by the statement itself",
        "the generator returned_in_finally.<locals>.stubborn() is not driven by the statement itself",
        "the generator yield_in_handler_and_with.<locals>.steps() is not driven by the statement itself",
    ],
    "expressions": [
        "main.<locals>.<genexpr>() is called from inside an operation",
        "main.<locals>.<lambda>() is called from inside an operation",
    ],
    "expressions_everywhere": [
        "comprehension_in_a_condition.<locals>.<genexpr>() is called from inside an operation",
        "comprehensions_with_walrus.<locals>.<genexpr>() is called from inside an operation",
    ],
    "functions_made_sometimes": [
        "chosen.<locals>.<genexpr>() is called from inside an operation",
        "either.<locals>.<genexpr>() is called from inside an operation",
        "nested.<locals>.<lambda>() is called from inside an operation",
    ],
    "found_by_chance": [
        "any_in_a_guard.<locals>.<genexpr>() is called from inside an operation",
        "any_in_a_guard.<locals>.<listcomp>.<locals>.<genexpr>() is called from inside an operation",
        (
            "call_before_a_comprehension_that_makes_functions.<locals>.<listcomp>.<locals>.<genexpr>() is called from "
            "inside an operation"
        ),
        "generator_in_a_guard.<locals>.<genexpr>() is called from inside an operation",
        "generators_everywhere.<locals>.<genexpr>() is called by the loop's iterator",
        "generators_everywhere.<locals>.<genexpr>() is called from inside an operation",
        "generators_everywhere.<locals>.<listcomp>.<locals>.<genexpr>() is called from inside an operation",
        "closing() is called when frames_that_end_after_a_handler() has ended",
        "the generator closing() is not driven by the statement itself",
        "the generator last_throw.<locals>.catching() is not driven by the statement itself",
    ],
    "generators": [
        "count() is called by a statement that cannot be stopped in",
        "count() is called by the loop's iterator",
        "count() is called from inside an operation",
        "main.<locals>.<genexpr>() is called from inside an operation",
        "the generator count() is not driven by the statement itself",
    ],
    "groups_in_depth": [
        "Mine.__new__() is not called by the statement itself but from inside Mine",
        "code that is not the function's own (_projected) stands in between",
        "code that is not the function's own (part) stands in between",
        "the generator thrown_into.<locals>.steps() is not driven by the statement itself",
    ],
    "identity": [
        "cached() is not called by the statement itself but from inside fast",
    ],
    "leaving": [
        "handlers_by_expression.<locals>.kinds() is called by a statement that cannot be stopped in",
    ],
    "lifetimes": [
        "Held.__del__() is called from inside an operation",
        "Held.__del__() is called when inside() has ended",
        "Held.__del__() is called when once() has ended",
        "Held.__del__() is not called by the statement itself but from inside inside",
        "Held.__del__() is not called by the statement itself but from inside once",
    ],
    "names_and_targets": [
        (
            "CannotTravelError: the class class_in_a_function.<locals>.Local cannot be found by its name at the "
            "destination"
        ),
        "code that is not the function's own (class_in_a_function.<locals>.Local) stands in between",
    ],
    "own_iterators": [
        "Countdown.__iter__() is called by the loop's iterator",
    ],
    "records_and_enums": [
        "CannotTravelError: the function collections.Pair._replace cannot travel by its name",
        "Weekday.free() is called from inside an operation",
        "code that is not the function's own (__create_fn__.<locals>.__init__) stands in between",
        "ordered_records.<locals>.<lambda>() is called from inside an operation",
    ],
    "recursion": [
        "main.<locals>.<genexpr>() is called from inside an operation",
    ],
    "several_managers": [
        (
            "CannotTravelError: the function "
            "contextlib._BaseExitStack._create_cb_wrapper.<locals>._exit_wrapper was made inside a function of another module and cannot be found by its name"
        ),
        "code that is not the function's own (ExitStack.__exit__) stands in between",
        (
            "code that is not the function's own (_BaseExitStack._create_cb_wrapper.<locals>._exit_wrapper) "
            "stands in between"
        ),
        "code that is not the function's own (_BaseExitStack.enter_context) stands in between",
        "code that is not the function's own (_GeneratorContextManager.__enter__) stands in between",
        "code that is not the function's own (_GeneratorContextManager.__exit__) stands in between",
    ],
    "raised_in_the_middle": [
        "steps() is called from inside an operation",
        "steps() is called when in_a_handler() has ended",
        "the generator steps() is not driven by the statement itself",
    ],
    "ways_out": ["Held.__del__() is called by a statement that cannot be stopped in"],
}

TRACED = {"ways_out": {"steps() is called by a statement that cannot be stopped in"}}
"""What tracing, on 3.11, sees beside that: the frames of generators that are being closed."""


def expected(stem: str) -> set[str]:
    """The reasons of a file of the corpus."""
    return set(REASONS.get(stem, [])) | (set() if MONITORING else TRACED.get(stem, set()))
