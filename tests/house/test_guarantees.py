"""`docs/guarantees.md` names the tests that hold each promise: they must exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED = re.findall(r"`([\w/]+\.py)::(\w+)`", (ROOT / "docs" / "guarantees.md").read_text().replace("`\n", "`"))


def test_every_test_that_a_guarantee_names_exists():
    assert len(NAMED) > 20
    missing = [f"{path}::{name}" for path, name in NAMED if name not in functions(ROOT / "tests" / path)]
    assert not missing


def functions(path: Path) -> set[str]:
    if not path.exists():
        return set()
    tree = ast.parse(path.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
