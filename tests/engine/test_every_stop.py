"""Small programs, stopped at every statement and resumed from each stop, do what they do in plain Python."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from types import CodeType

import pytest

from tests.engine.harness import exercise, source_of
from tests.engine.passed_by import expected

CORPUS = sorted((Path(__file__).parent.parent / "corpus").glob("*.py"))


def entries(path: Path) -> list[str]:
    """The functions of a file's module level that need no arguments, no generators: each is exercised by itself."""
    module = compile(path.read_text(), path.name, "exec")
    codes = {each.co_name: each for each in module.co_consts if isinstance(each, CodeType)}
    return [
        node.name
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef)
        and not ast.unparse(node.args)
        and not codes[node.name].co_flags & inspect.CO_GENERATOR
    ]


def reason(text: str) -> str:
    """Why a stop is passed by; of a refusal without the place and the way to the value."""
    first = text.partition("\n")[0]
    kind, separator, why = first.partition(": ")
    return f"{kind}: {why.rpartition(': ')[2]}" if separator and kind.endswith("Error") else first


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_a_program_resumed_from_every_stop_equals_the_uninterrupted_run(path: Path) -> None:
    source, passed_by, functions = source_of(path.read_text()), set[str](), entries(path)
    for function in functions:
        again = function == "main" and len(functions) > 6  # it calls the others
        report = exercise(source, function, every=4 if again else 1, most=2000)
        assert report.different == [], function
        assert report.equal == report.taken > 0, function
        passed_by |= {reason(each) for each in report.passed}
    assert passed_by == expected(path.stem)


def test_the_corpus_has_the_functions_that_its_documentation_promises() -> None:
    assert sum(len(entries(path)) for path in CORPUS) >= 125
    assert [path.stem for path in CORPUS if "main" not in entries(path)] == []
