"""`check`: all rules over all files of a function."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from devices.errors import CannotTravelError, MidstreamError, RefusedError, SourceError
from devices.runtime.checking.code import Code
from devices.runtime.checking.findings import Checked, CheckedFunction, Finding, Severity
from devices.runtime.checking.program import CheckedProgram
from devices.runtime.checking.rules.table import KINDS, RULES
from devices.runtime.checking.silence import Silence
from devices.runtime.function import read_functions
from devices.runtime.python.module import ProgramCode, code_of
from devices.runtime.source import Source

_LONGEST_QUOTE: Final = 200


def check(source: Source, function: str = "") -> Checked:
    """Returns what in a function's files cannot travel or be stopped at, and what moves badly without a word.

    Args:
        source: the files; nothing of them is run.
        function: the one that is to run; empty: those marked with ``@function``, else all of the main file.

    Raises:
        RefusedError: there is no such function, or none at all.
    """
    try:
        read_functions(source)
    except SourceError as error:
        return _summed(Checked(files=list(source.files), findings=[_finding(source, error, "declaration")]))
    program = CheckedProgram(source, function)
    if not program.entries:
        what = f"there is no function {function!r} in it" if function else "there is no function in it"
        raise RefusedError(what, place=source.main_file, remedy="write one, with 'def', at the file's own level")
    found = Checked(files=list(source.files))
    normal: ProgramCode | None = None
    try:
        normal = code_of(source)
        for module in normal.modules.values():
            normal.compiled(module)
    except (SourceError, CannotTravelError) as error:
        found.findings.append(_finding(source, error, "refused"))
    found.functions = [_function(entry, normal, source.module) for entry in program.entries]
    if normal is not None:
        shapes = (module.shape for module in normal.modules.values())
        found.places = sum(len(each.steps) for shape in shapes for each in shape.functions)
    refused = {(finding.file, finding.line) for finding in found.findings}
    for code in program.codes.values():
        silence = Silence(source.files[code.path])
        for finding, last in _found(program, code):
            if silence.covers(finding.kind, finding.line, last):
                found.silenced += 1
            elif (finding.file, finding.line) not in refused:
                found.findings.append(finding)
        found.findings += _unknown_kinds(code, silence)
    return _summed(found)


def _summed(found: Checked) -> Checked:
    files = {path: number for number, path in enumerate(found.files)}
    found.findings.sort(
        key=lambda each: (each.severity, files.get(each.file, 0), each.line, each.column, each.kind, each.what)
    )
    found.errors = sum(each.severity == "error" for each in found.findings)
    found.warnings = len(found.findings) - found.errors
    return found


def _found(program: CheckedProgram, code: Code) -> Iterator[tuple[Finding, int]]:
    seen: set[tuple[int, int, str]] = set()
    for rule in RULES:
        for node, severity, what, remedy in rule.look(program, code):
            line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
            if (line, column, rule.kind) in seen:
                continue
            seen.add((line, column, rule.kind))
            body = getattr(node, "body", None)
            last = line if body else getattr(node, "end_lineno", None) or line
            yield _at(code.path, code.lines, line, column + 1, rule.kind, severity, what, remedy), last


def _at(  # noqa: PLR0917
    file: str, lines: list[str], line: int, column: int, kind: str, severity: Severity, what: str, remedy: str
) -> Finding:
    quote = lines[line - 1].rstrip()[:_LONGEST_QUOTE] if 0 < line <= len(lines) else ""
    return Finding(
        file=file, line=line, column=column, kind=kind, severity=severity, what=what, remedy=remedy, quote=quote
    )


def _unknown_kinds(code: Code, silence: Silence) -> Iterator[Finding]:
    for line, kinds in silence.kinds.items():
        for kind in sorted(kinds - set(KINDS)):
            column = code.lines[line - 1].index("#") + 1
            what = f"{kind!r} is no kind of finding"
            remedy = f"there are: {', '.join(KINDS)}"
            yield _at(code.path, code.lines, line, column, "comment", "warning", what, remedy)


def _finding(source: Source, error: MidstreamError, kind: str) -> Finding:
    """Returns what Midstream itself refuses, with its own words, as a finding."""
    file, _, number = (error.place or "").rpartition(":")
    line = int(number) if number.isdecimal() else 1
    file = file if file in source.files else source.main_file
    lines = source.files[file].splitlines()
    return _at(file, lines, line, 1, kind, "error", error.message, error.remedy or "")


def _function(
    entry: ast.FunctionDef | ast.AsyncFunctionDef, normal: ProgramCode | None, module: str
) -> CheckedFunction:
    shapes = normal.modules[module].shape.functions if normal is not None else []
    steps = sum(
        len(each.steps) for each in shapes if each.qualname == entry.name or each.qualname.startswith(f"{entry.name}.")
    )
    return CheckedFunction(name=entry.name, line=entry.lineno, places=steps)
