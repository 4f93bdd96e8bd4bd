"""What a rule does beside moving instances: it publishes a text, it runs a function from a file."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from coordinator import intents
from coordinator.moment import now
from coordinator.moves.ground import Ground
from coordinator.rules.rule import Errand, Firing
from coordinator.rules.silence import Silence
from coordinator.rules.template import Template
from devices.errors import RefusedError, UnreachableError, UsageError, printable
from devices.protocol import durations
from devices.protocol.topics import wire_filter
from devices.runtime.source import read_source


def values(firing: Firing, acted_on: Sequence[str]) -> dict[str, Any]:
    """Returns what a rule's texts can tell of a firing.

    Args:
        firing: of the rule.
        acted_on: the instances to which something was done.
    """
    rule = firing.rule
    age = firing.value if isinstance(rule.when, Silence) else firing.held
    return {
        **firing.mentioned,
        "rule": rule.name,
        "severity": rule.severity,
        "subject": firing.subject,
        "topic": firing.subject if rule.scope == "topic" else None,
        "hub": firing.hub or None,
        "instance": firing.instance or None,
        "value": firing.value if rule.when.threshold is not None else None,
        "threshold": rule.when.threshold,
        "age": durations.words(age),
        "why": firing.why,
        "acted_on": ", ".join(acted_on) or "nothing",
        "time": now(),
    }


def publication(firing: Firing, known: Mapping[str, Any]) -> intents.Publish:
    """Returns what a rule wants published after it has fired."""
    said = firing.rule.publish
    assert said is not None
    return intents.Publish(
        by=f"rule {firing.rule.name}",
        why=firing.why,
        topic=said.topic.filled(known),
        text=said.text.filled(known),
        retain=said.retain,
        qos=said.qos,
    )


def publish(ground: Ground, intent: intents.Publish) -> None:
    """Publishes a text on a topic of the house.

    Raises:
        RefusedError: the topic is one of Midstream's own, where words are commands and facts, or is none.
        UnreachableError: there is no broker now.
    """
    topic, own = intent.topic, f"{ground.topics.prefix}/"
    try:
        fits = wire_filter(topic) == topic and not any(sign in topic for sign in "+#")
    except UsageError:
        fits = False
    if not fits or topic.startswith((own, "$")):
        raise RefusedError(
            f"nothing is published on {printable(topic, 100)!r}",
            remedy=f"name a topic of the house, without wildcards and not below {own}",
        )
    if ground.line.publish(topic, intent.text.encode(), qos=intent.qos, retain=intent.retain) is None:
        raise UnreachableError(f"not published on {printable(topic, 100)!r}: there is no connection to the broker")


async def errand(errand: Errand, firing: Firing, known: Mapping[str, Any]) -> intents.Run:
    """Returns the start of the function that a rule runs.

    Raises:
        SourceError: its file cannot be read.
    """
    source = await asyncio.to_thread(read_source, errand.file)
    told = {name: value.filled(known) if isinstance(value, Template) else value for name, value in errand.arguments}
    return intents.Run(
        by=f"rule {firing.rule.name}",
        why=firing.why,
        files=source.files,
        function=errand.function,
        hub=errand.hub,
        arguments=told,
    )
