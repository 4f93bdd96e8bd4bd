"""Code that nobody here wrote: functions of the standard library, loaded as a user's own modules and exercised.

What they call in C where it has a twin in Python is withheld, so that the Python runs. Where a module may be stopped is
counted first; then a few captures are spread over the run, or with ``--long`` all of them are taken.
"""

from __future__ import annotations

import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from devices.runtime.exercise import Exercise, exercise
from devices.runtime.exercising.interpreter import Interpreter
from devices.runtime.exercising.packets import Ended, Run
from devices.runtime.source import Source

LIBRARY = Path(sysconfig.get_path("stdlib"))
PROGRAMS = Path(__file__).parent / "programs"
A_FEW = 12


class Loaded(NamedTuple):
    """Which modules of the standard library are the user's own (``name=file`` under another name), which in C are not there."""

    own: tuple[str, ...]
    withheld: tuple[str, ...] = ()


CASES = {
    "argparse": Loaded(("argparse", "gettext")),
    "ast": Loaded(("ast", "contextlib")),
    "bisect": Loaded(("bisect",), ("_bisect",)),
    "calendar": Loaded(("calendar",)),
    "colorsys": Loaded(("colorsys",)),
    "configparser": Loaded(("configparser",)),
    "contextlib": Loaded(("contextlib",)),
    "cookies": Loaded(("http/__init__", "http/cookies", "string")),
    "copy": Loaded(("copy",)),
    "csv": Loaded(("csv",)),
    "decimal": Loaded(("decimal=_pydecimal",)),
    "difflib": Loaded(("difflib", "heapq"), ("_heapq",)),
    "email": Loaded(
        tuple(
            f"email/{name}"
            for name in [
                "__init__",
                "parser",
                "feedparser",
                "message",
                "header",
                "utils",
                "policy",
                "_policybase",
                "_encoded_words",
                "_parseaddr",
                "charset",
                "errors",
                "encoders",
                "quoprimime",
                "base64mime",
                "iterators",
                "_header_value_parser",
                "headerregistry",
                "contentmanager",
            ]
        )
    ),
    "fnmatch": Loaded(("fnmatch", "posixpath", "genericpath")),
    "fractions": Loaded(("fractions", "numbers")),
    "graphlib": Loaded(("graphlib",)),
    "heapq": Loaded(("heapq",), ("_heapq",)),
    "html": Loaded(("html/__init__", "html/entities")),
    "html_parser": Loaded(("html/__init__", "html/entities", "html/parser", "_markupbase")),
    "ipaddress": Loaded(("ipaddress",)),
    "json": Loaded(("json/__init__", "json/decoder", "json/encoder", "json/scanner"), ("_json",)),
    "mimetypes": Loaded(("mimetypes", "posixpath", "genericpath")),
    "operator": Loaded(("operator",), ("_operator",)),
    "optparse": Loaded(("optparse", "textwrap")),
    "plistlib": Loaded(("plistlib",)),
    "posixpath": Loaded(("posixpath", "genericpath")),
    "pprint": Loaded(("pprint",)),
    "quopri": Loaded(("quopri",), ("binascii",)),
    "random": Loaded(("random", "bisect"), ("_bisect",)),
    "reprlib": Loaded(("reprlib",)),
    "shlex": Loaded(("shlex",)),
    "statistics": Loaded(("statistics", "fractions", "numbers", "bisect"), ("_statistics", "_bisect")),
    "string": Loaded(("string",)),
    "textwrap": Loaded(("textwrap",)),
    "tokenize": Loaded(("tokenize", "token")),
    "urllib_parse": Loaded(("urllib/__init__", "urllib/parse")),
}


def source_of(name: str) -> Source:
    files = {"program.py": (PROGRAMS / f"uses_{name}.py").read_text()}
    for own in CASES[name].own:
        module, _, file = own.partition("=")
        path = LIBRARY / f"{file or module}.py"
        if path.is_file():
            files[f"{module}.py"] = path.read_text()
    for withheld in CASES[name].withheld:
        files[f"{withheld}.py"] = "raise ImportError('it is written in C')\n"
    return Source("program", files)


@pytest.fixture(scope="module")
def interpreters() -> Iterator[tuple[Interpreter, Interpreter]]:
    with Interpreter() as home, Interpreter() as away:
        yield home, away


def test_there_are_enough_modules_and_each_has_its_program() -> None:
    assert len(CASES) >= 25
    assert {f"uses_{name}.py" for name in CASES} == {path.name for path in PROGRAMS.glob("*.py")}


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", CASES)
def test_functions_of_the_standard_library_go_on_equal_from_each_capture(
    name: str, interpreters: tuple[Interpreter, Interpreter], long_run: bool
) -> None:
    home, away = interpreters
    asked = Exercise(source_of(name), "main", every=1, limit=10**9)
    if not long_run:
        home.load(asked.load)
        *_, ended = home.run(Run(asked.timeout, every=10**9, most=1))
        assert isinstance(ended, Ended)
        asked = Exercise(asked.source, "main", every=max(1, ended.stops // A_FEW), limit=A_FEW)
    found = exercise(asked, home, away)
    assert found.different == []
    assert found.resumed_equal == found.taken > 0
