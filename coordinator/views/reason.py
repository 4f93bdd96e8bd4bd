"""What is asked and answered about the past of an instance: `why`."""

from __future__ import annotations

from typing import Literal

import msgspec

from coordinator.views.question import Question


class WhyAsk(Question, kw_only=True):
    """``why``: what happened to an instance, and for which reasons."""

    instance: str
    since: str = ""  # RFC 3339; empty: from its start on


class WhyRow(msgspec.Struct, kw_only=True):
    """``why``: one thing that happened to an instance, oldest first."""

    at: str
    did: str
    why: str
    severity: Literal["info", "warning", "problem"] = "info"
    hub: str = ""
    by: str = ""  # "rule hot", "request" (a person's), "set" (likewise, by MQTT), "failover", "drain" ...; empty: a hub
    metric: str = ""  # what the rule looks at, and its value and threshold when it fired
    value: float | None = None
    threshold: float | None = None
    place: str = ""  # why that hub and no other, if it was brought to one
    refused: dict[str, str] = {}  # hub => why it could not be that one
    downtime_ms: float = 0.0
    earlier: bool = False  # before the time that was asked for: it says why the instance is where it is
