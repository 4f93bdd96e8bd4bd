"""Which function of a file is exercised when none is named, or the one that is named cannot be."""

from __future__ import annotations

import ast

from devices.errors import SourceError
from devices.runtime.exercising.entry import asynchronous
from devices.runtime.function import read_functions
from devices.runtime.source import Source


def choose_function(source: Source, name: str) -> str:
    """Returns the function to exercise: the one named, else the only ``@function``, else ``main``, else the only one.

    Raises:
        SourceError: there is none, or the choice is not clear.
    """
    tree = ast.parse(source.files[source.main_file])
    defined = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    if name:
        return name  # perhaps not from a `def`: whether it is there shows when the file has been imported
    marked = [declaration.name for declaration in read_functions(source)]
    for choice in (marked, [each for each in defined if each == "main"], defined):
        if len(choice) == 1:
            return choice[0]
    if not defined:
        for node in tree.body:
            if isinstance(node, ast.AsyncFunctionDef):
                raise asynchronous(node.name, f"{source.main_file}:{node.lineno}")
        raise SourceError("there is no function in it", place=source.main_file)
    names = ", ".join(marked or defined)
    raise SourceError(
        f"there are several functions: {names}",
        place=source.main_file,
        remedy=f"name one, as in {source.main_file}:{(marked or defined)[0]}",
    )
