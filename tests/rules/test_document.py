"""`docs/rules.md` tells all that there is."""

from __future__ import annotations

import re
from pathlib import Path

from coordinator.rules.evaluation import FIRINGS
from coordinator.rules.files import RuleBook
from coordinator.rules.rule import ACTIONS, SEVERITIES
from coordinator.rules.table import KEYS
from devices.conditions.metrics import HUB, INSTANCE

DOCUMENT = (Path(__file__).parents[2] / "docs" / "rules.md").read_text()


def test_every_key_action_severity_and_metric_is_explained():
    rows = re.findall(r"^\| `(\w+)` \|", DOCUMENT, re.MULTILINE)
    assert rows == list(KEYS)
    missing = [word for word in (*ACTIONS, *SEVERITIES, *HUB, *INSTANCE) if f"`{word}`" not in DOCUMENT]
    assert missing == []


def test_the_first_example_is_a_rule(tmp_path):
    (example,) = re.findall(r"```toml\n(.*?)```", DOCUMENT, re.DOTALL)
    (tmp_path / "example.toml").write_text(example)
    (rule,) = RuleBook.load(tmp_path).rules
    assert rule.name == "hot"


def test_the_bounds_are_as_told():
    assert FIRINGS == 60
