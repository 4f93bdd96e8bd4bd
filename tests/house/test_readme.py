"""What the README shows is so: its functions, files and commands are those of this version.

That its first function runs, moves and keeps what it knows is a test of the whole system (`tests/cli/test_system.py`).
"""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from coordinator.cli.main import cli
from coordinator.declared import file as declared
from coordinator.rules.files import RuleBook
from devices.runtime.checking.check import check
from devices.runtime.source import Source

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
COMMANDS = sorted({line for line in re.findall(r"(?<!from )midstream ((?:[a-z-]+ ?)+)", README) if line.strip()})
"""Command, what it is about, and the first option: ``drain nas``, ``rules test --replay``."""


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("text", blocks("python"))
def test_a_function_has_nothing_in_it_that_is_bound_to_a_hub(text: str) -> None:
    assert check(Source("shown", {"shown.py": text})).findings == []


def test_the_rules_are_in_order(tmp_path: Path) -> None:
    (rules,) = [text for text in blocks("toml") if "when" in text]
    (tmp_path / "house.toml").write_text(rules)
    assert {rule.name for rule in RuleBook.load(tmp_path).rules} >= {
        "hot",
        "memory-ahead",
        "on-battery",
        "meter-silent",
    }


def test_the_functions_that_run_always_are_in_order(tmp_path: Path) -> None:
    (functions,) = [text for text in blocks("toml") if ".file" in text]
    (tmp_path / declared.FILE).write_text(functions)
    (tmp_path / "washer.py").write_text(blocks("python")[0])
    assert [each.name for each in declared.load(tmp_path)] == ["washer", "dryer"]


def test_each_page_and_picture_that_is_named_is_there() -> None:
    named = re.findall(r"\]\(([^)#]+)\)", README)
    assert len(named) > 10
    assert [path for path in named if "://" not in path and not (ROOT / path).exists()] == []


@pytest.mark.parametrize("line", COMMANDS)
def test_each_command_exists_with_its_options(line: str) -> None:
    words = line.split()
    command: click.Command = cli
    context = click.Context(command)
    while words and isinstance(command, click.Group) and not words[0].startswith("-"):
        found = command.get_command(context, words.pop(0))
        assert found is not None, line
        command = found
    options = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options


def test_each_field_of_work_has_its_command_there() -> None:
    shown = {line.split()[0] for line in COMMANDS}
    assert {"demo", "up", "run", "migrate", "apply", "triggers", "rules", "devices", "drain", "deploy"} <= shown
