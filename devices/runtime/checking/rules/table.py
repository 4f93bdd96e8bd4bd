"""All rules, in the order in which they are documented."""

from __future__ import annotations

from typing import Final

from devices.runtime.checking.findings import Rule
from devices.runtime.checking.rules import clocks, held, identity, language, passed_by, places

RULES: Final[tuple[Rule, ...]] = (
    *language.RULES,
    *passed_by.RULES,
    *held.RULES,
    *clocks.RULES,
    *places.RULES,
    *identity.RULES,
)
KINDS: Final = ("declaration", "refused", *(rule.kind for rule in RULES), "comment")
"""The kinds of findings: those of the rules; what Midstream itself refuses; comments that silence nothing known."""
