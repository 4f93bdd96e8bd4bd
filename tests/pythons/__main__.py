"""The corpus across Pythons and processors, in both directions; a table of what went on equal."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from devices.errors import RefusedError
from devices.runtime.exercise import Exercise, exercise
from devices.runtime.exercising.interpreter import Interpreter
from devices.runtime.source import read_source
from tests.pythons.interpreters import ROOT, Python, default_other, others_here, python_of

_NOT_THE_SAME = "does not do the same twice, once on each of"
"""What is said where two Pythons do not agree about a program that nobody stops."""
CORPUS = ROOT / "tests" / "corpus"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the table; the status is 1 if anything went on differently."""
    asked = _parser().parse_args(arguments)
    cache = Path(asked.cache).expanduser()
    cache.mkdir(parents=True, exist_ok=True)
    wanted = asked.pythons or others_here() or [default_other()]
    pythons = [python_of(each, cache, tests=bool(asked.tests)) for each in wanted]
    print(f"{'started under':<28}{'goes on under':<28}{'captures':>9}{'equal':>9}{'seconds':>9}")
    failed = 0
    for python in pythons:
        failed += _both_ways(python, asked.every, asked.only)
    for python in pythons if asked.tests else []:
        print(f"== {python.name}: {' '.join(asked.tests)}", flush=True)
        failed += bool(
            subprocess.run([*python.command, "-m", "pytest", "-q", *asked.tests], cwd=ROOT, check=False).returncode
        )
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.pythons", description=__doc__)
    parser.add_argument(
        "pythons", nargs="*", metavar="PYTHON",
        help="commands, or Debian releases as in trixie, sid, trixie/arm64 (default: those of this machine, else trixie)",
    )  # fmt: skip
    parser.add_argument("--every", type=int, default=1, metavar="K", help="captures at every K-th stop (default: each)")
    parser.add_argument("--only", default="*", metavar="GLOB", help="of the corpus, as in 'gen*' (default: all)")
    parser.add_argument("--tests", nargs="*", metavar="PATH", help="runs these tests with them too")
    parser.add_argument(
        "--cache", default="~/.cache/midstream-pythons", metavar="FOLDER", help="is kept (default: %(default)s)"
    )
    return parser


def _both_ways(python: Python, every: int, only: str) -> int:
    here = "Python {}.{}".format(*sys.version_info)
    failed = 0
    for there_first in (False, True):
        began, counts, different, left_out = time.monotonic(), Counter[str](), [], []
        with Interpreter() as own, Interpreter(python.command) as other:
            home, away = (other, own) if there_first else (own, other)
            paths = sorted(CORPUS.glob(f"{only}.py"))
            for number, path in enumerate(paths):
                _progress(f"{python.name}: {path.stem} ({number + 1} of {len(paths)})")
                try:
                    found = exercise(Exercise(read_source(path), "main", every=every, limit=100_000), home, away)
                except RefusedError as error:
                    if _NOT_THE_SAME not in error.message:
                        raise
                    left_out.append(f"{path.stem}: {error.message.partition(': ')[2]}")
                    continue
                counts.update(taken=found.taken, equal=found.resumed_equal)
                different += [(path.stem, each) for each in found.different]
        _progress("")
        names = (python.name, here) if there_first else (here, python.name)
        seconds = time.monotonic() - began
        print(f"{names[0]:<28}{names[1]:<28}{counts['taken']:>9}{counts['equal']:>9}{seconds:>9.1f}", flush=True)
        for words in left_out:
            print(f"  left out, for plain Python differs: {words[:150]}")
        for stem, each in different[:20]:
            print(f"  {stem}: {each.line} {each.statement}\n    expected {each.expected}\n    got      {each.got}")
        failed += len(different) + (counts["taken"] == 0) + (counts["taken"] != counts["equal"])
    return failed


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
