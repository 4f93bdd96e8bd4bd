"""Programs of the corpus land from any stop on a version of themselves in which each statement has another number."""

from __future__ import annotations

import ast
import random
from pathlib import Path

import pytest

from devices.runtime.python.engine import Execution
from devices.runtime.python.library import Library
from devices.runtime.python.program import Program
from devices.runtime.python.upgrading.image import upgraded
from tests.engine.harness import captured, noted_by_import, outcome, source_of
from tests.engine.test_every_stop import CORPUS, entries

NAMES = ("nesting", "tries", "several_managers", "generators", "closures", "groups")
FILES = [path for path in CORPUS if path.stem in NAMES]
STOPS = 3
"""Of each function, at random."""


class Renumbered(ast.NodeTransformer):
    """Puts a loop with hidden names of its own at the head of each function; no call, which would have `with` spelled out."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.generic_visit(node)
        head = [each for each in node.body if isinstance(each, ast.Global | ast.Nonlocal)]
        if ast.get_docstring(node, clean=False) is not None:
            head.insert(0, node.body[0])
        loop = ast.parse("for never_ in ():\n    pass").body
        node.body = [*head, *loop, *(each for each in node.body if each not in head)]
        return node


def renumbered(text: str) -> str:
    return ast.unparse(ast.fix_missing_locations(Renumbered().visit(ast.parse(text))))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_stop_lands_on_renumbered_source_and_the_run_ends_as_ever(path: Path, long_run: bool) -> None:
    text = path.read_text()
    old, new = source_of(ast.unparse(ast.parse(text))), source_of(renumbered(text))
    for function in entries(path):
        execution = Execution(Program.load(old, library=Library()))
        stops, live = captured(execution, lambda: execution.start(function, [], {}))  # noqa: B023  (called at once)
        taken = list(zip(stops.images, stops.logs, strict=True))
        chosen = taken if long_run else random.Random(function).sample(taken, min(STOPS, len(taken)))
        for image, log in chosen:
            upgrade = upgraded(image.data, old, new)
            assert upgrade.lands, (function, image.place, upgrade.frames, upgrade.obstacles)
            execution = Execution(Program.load(new, library=Library()))
            found = outcome(lambda: execution.resume(upgrade.image), execution.program.namespace, new.main_file)  # noqa: B023
            found.log[noted_by_import(new) : noted_by_import(new)] = log
            assert (found.result, found.log) == (live.result, live.log), (function, image.place)
