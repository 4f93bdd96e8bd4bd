"""The share of the engine's branches that its tests take: ``python -m tests.branches``, on Python 3.12 or newer.

On 3.11 coverage and the engine's stops both want `sys.settrace`, so nothing could be measured there. From 3.12 on a stop
is a callback of `sys.monitoring`, in which nothing is traced either; so `beside` has it read the stack in a thread.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import click

HERE = Path(__file__).parent
TESTS = ["tests/engine", "tests/values", "tests/upgrading", "tests/stdlib", "tests/cli/test_drawing.py"]
TESTS += [f"tests/runtime/test_{name}.py" for name in ("effects", "calls", "per_hub", "open_files")]
WITHOUT_THREADS = "tests/engine/test_every_stop.py::test_a_program_resumed_from_every_stop_equals_the_uninterrupted_run[locks_and_events]"
"""Locks that are held cannot travel beside other threads, and the reader of stacks is one."""


@click.command()
@click.option("--fail-under", default=95.0, show_default=True, help="Percent below which the exit status is 2.")
@click.argument("tests", nargs=-1)
def main(fail_under: float, tests: tuple[str, ...]) -> None:
    """Runs the engine's TESTS and prints what they do not reach, file by file."""
    if sys.version_info < (3, 12):
        raise click.UsageError("tests.branches needs Python 3.12 or newer: see --help")
    with tempfile.TemporaryDirectory() as folder:
        options = [f"--rcfile={HERE / 'coverage.toml'}", f"--data-file={folder}/data"]
        run = ["run", *options, "-m", "pytest", "-p", "tests.branches.beside", "-q", "--timeout", "900"]
        run += ["--deselect", WITHOUT_THREADS]
        failed = _coverage(*run, *(tests or TESTS))
        _coverage("combine", "-q", *options)
        missed = _coverage("report", "--skip-covered", "--show-missing", f"--fail-under={fail_under}", *options)
    sys.exit(failed or missed)


def _coverage(*arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", "coverage", *arguments], cwd=HERE.parents[1], check=False).returncode


if __name__ == "__main__":
    main()
