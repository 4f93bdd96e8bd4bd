"""What a piece of code may read before it has bound it."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest

from devices.runtime.python.upgrading.assigned import unassigned


@pytest.mark.parametrize(
    ("code", "lacking"),
    [
        ("x = 1\nuse(x)", ""),
        ("use(x)", "x"),
        ("x += 1", "x"),
        ("x, y = 1, 2\nuse(x, y)", ""),
        ("if a:\n  x = 1\nuse(x)", "x"),
        ("if a:\n  x = 1\nelse:\n  x = 2\nuse(x)", ""),
        ("if a:\n  x = 1\nelse:\n  raise a\nuse(x)", ""),
        ("while a:\n  x = 1\nuse(x)", "x"),
        ("while True:\n  x = 1\n  if a:\n    break\nuse(x)", ""),
        ("while True:\n  if a:\n    break\n  x = 1\nuse(x)", "x"),
        ("for x in a:\n  use(x)\nuse(x)", "x"),
        ("for o in (None,):\n  if a:\n    continue\n  x = 1\nelse:\n  use(x)", "x"),
        ("for o in (None,):\n  x = 1\nelse:\n  use(x)", ""),
        ("x = 1\nfor y in a:\n  use(x)\n  del x", "x"),
        ("x = 1\ndel x\nuse(x)", "x"),
        ("try:\n  x = f()\nexcept E:\n  use(x)", "x"),
        ("try:\n  x = f()\nexcept E as y:\n  x = y\nuse(x)", ""),
        ("try:\n  x = f()\nexcept E as y:\n  return\nuse(x, y)", "y"),
        ("with a as x:\n  y = x\nuse(y)", ""),
        ("match a:\n  case [x, *y]:\n    use(x, y)\nuse(x)", "x"),
        ("a and (x := 1)\nuse(x)", "x"),
        ("use(x := 1, x)", ""),
        ("use(1 if a else (x := 1))\nuse(x)", "x"),
        ("[x for x in a]\n[y for b in a]", "y"),
        ("def x():\n  return x() + y", "y"),
        ("def x():\n  return y\ny = 1", ""),
        ("use(lambda: y)\nx = 1", "y"),
        ("class x:\n  z = y\nuse(x)", "y"),
        ("import x.z\nfrom a import b as y\nuse(x, y)", ""),
        ("return\nuse(x)", ""),
    ],
)  # fmt: skip
def test_only_what_is_bound_on_every_way_is_taken_for_bound(code, lacking):
    tree = ast.parse(f"def f():\n{chr(10).join('  ' + line for line in dedent(code).splitlines())}")
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    assert unassigned(function.body, {"x", "y"}) == set(lacking)
