"""The one rule that comes with Midstream: a hub that runs on its battery gives away its functions before it is empty.

It stands in the language of all rules, so that `midstream rules` shows it, a rule of the same name replaces it, and
``enabled = false`` turns it off. It says `reserve`: a battery that is low and charging is no danger.
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from typing import Final

from coordinator.rules.files import RuleBook
from coordinator.rules.rule import Rule
from coordinator.rules.table import Table

PLACE: Final = "built in"
TEXT: Final = """\
[low-battery]
when     = "hub.reserve < 20"
for      = "30s"
clear    = "hub.battery > 40"
do       = ["checkpoint", "migrate"]
which    = "all"
severity = "problem"
"""


def in_force(book: RuleBook) -> list[Rule]:
    """Returns the rules of a book, and before them those built in that it neither replaces nor turns off."""
    own = {rule.name for rule in book.rules} | set(book.disabled)
    built_in = [Table(PLACE, TEXT, name, table).rule() for name, table in tomllib.loads(TEXT).items()]
    return [*(replace(rule, builtin=True) for rule in built_in if rule.name not in own), *book.rules]
