"""`docs/rules.md` tells all that there is."""

from __future__ import annotations

import re
from pathlib import Path

from coordinator.rules.actions import MOVES, RUNS
from coordinator.rules.builtin import TEXT
from coordinator.rules.evaluation import FIRINGS
from coordinator.rules.files import RuleBook
from coordinator.rules.formula import LARGEST, LONGEST
from coordinator.rules.names import FACTS
from coordinator.rules.past import KINDS, LISTENED, SUBJECTS
from coordinator.rules.rewriting import FUNCTIONS, LOOPS, METHODS
from coordinator.rules.rule import ACTIONS, SEVERITIES
from coordinator.rules.scene import CALENDAR
from coordinator.rules.silence import TOPICS
from coordinator.rules.table import KEYS
from coordinator.rules.template import WORDS
from devices.conditions.limit import Limit
from devices.conditions.metrics import HUB, INSTANCE

DOCUMENT = (Path(__file__).parents[2] / "docs" / "rules.md").read_text()


def test_every_key_action_severity_and_metric_is_explained():
    rows = re.findall(r"^\| `(\w+)` \|", DOCUMENT, re.MULTILINE)
    assert rows == list(KEYS)
    calendar = [f"now.{name}" for name in CALENDAR]
    missing = [
        word for word in (*ACTIONS, *SEVERITIES, *HUB, *INSTANCE, *FACTS, *calendar) if f"`{word}`" not in DOCUMENT
    ]
    assert missing == []
    assert [word for word in WORDS if f"`${{{word}}}`" not in DOCUMENT] == []
    functions = (*KINDS, *FUNCTIONS, *METHODS, *LOOPS, "has")
    assert [word for word in functions if not re.search(rf"[`.]{word}[(`]", DOCUMENT)] == []


def test_the_examples_are_rules(tmp_path):
    for number, example in enumerate(re.findall(r"```toml\n(.*?)```", DOCUMENT, re.DOTALL)):
        (tmp_path / f"{number}.toml").write_text(example)
    rules = RuleBook.load(tmp_path).rules
    assert [rule.name for rule in rules] == [
        "hot",
        "low-battery",
        "on-battery",
        "door-open",
        "busy",
        "on-battery-resumes",
    ]


def test_the_rule_that_is_built_in_stands_in_the_document_word_for_word():
    assert f"```toml\n{TEXT}```" in DOCUMENT


def test_the_bounds_are_as_told():
    assert (FIRINGS, SUBJECTS, TOPICS, LISTENED, LONGEST, LARGEST) == (60, 1000, 5000, 600, 4096, 32 * 1024)
    assert (Limit(4), Limit(60)) == (MOVES, RUNS)
