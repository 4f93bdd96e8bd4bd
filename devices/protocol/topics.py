"""Names and topics: the one place that spells the tree below ``midstream/``.

The table of topics, with their writers and retain flags, is `docs/protocol.md`, section 1.
"""

from __future__ import annotations

import re

from devices.errors import UsageError
from devices.protocol import limits

_NAME = re.compile(rf"[a-z0-9][a-z0-9-]{{0,{limits.NAME - 1}}}(?:~[0-9]+)?")


def check_name(kind: str, name: str) -> str:
    """Returns ``name`` if it can be a hub's or an instance's name.

    Args:
        kind: the word for the message: ``"hub"``, ``"instance"``.
        name: lower-case letters, digits and ``-``; a branch's number behind ``~``; at most 23 characters.

    Raises:
        UsageError: anything else: the name is a topic level, an MQTT client id and Home Assistant's unique id.
    """
    if len(name) > limits.NAME or not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of {'an' if kind[0] in 'aeiou' else 'a'} {kind}",
            remedy=f"use lower-case letters, digits and '-', at most {limits.NAME} characters, as in 'washer-2'",
        )
    return name


def name_from(text: str) -> str:
    """Returns the nearest valid name to a function's name: ``count_watts`` becomes ``count-watts``."""
    return re.sub(r"[^a-z0-9-]+", "-", text.lower()).strip("-")[: limits.NAME].strip("-") or "function"


def matches(topic_filter: str, topic: str) -> bool:
    """Tells whether an MQTT topic filter covers a topic (MQTT 5.0, section 4.7).

    Wildcards at the start never cover topics that begin with ``$`` ([MQTT-4.7.2-1]). A named segment ``{room}`` is
    a ``+``. Topics are compared as text: blanks, umlauts and ``|`` are ordinary.
    """
    wanted, got = topic_filter.split("/"), topic.split("/")
    if topic.startswith("$") and wanted[0] != got[0]:
        return False
    for level, want in enumerate(wanted):
        if want == "#":
            return True
        if level >= len(got) or (not _is_single(want) and want != got[level]):
            return False
    return len(wanted) == len(got)


def wire_filter(topic_filter: str) -> str:
    """Returns the filter as the broker takes it: named segments ``{room}`` become ``+``.

    Raises:
        UsageError: a wildcard that does not fill its level, ``#`` before the end, or nothing at all.
    """
    levels = topic_filter.split("/")
    for position, level in enumerate(levels):
        misplaced = level == "#" and position != len(levels) - 1
        glued = any(sign in level for sign in "+#") and len(level) > 1 and not _is_single(level)
        if misplaced or glued:
            raise UsageError(
                f"{topic_filter!r} is no MQTT topic filter: {level!r} cannot stand there",
                remedy="'+' and '{name}' stand for one whole level, '#' for all that follow and only at the end",
            )
    if not topic_filter or "\0" in topic_filter or len(topic_filter.encode()) > 65535:
        raise UsageError(f"{topic_filter[:50]!r} is no MQTT topic filter", remedy="give one, as in 'tele/+/SENSOR'")
    return "/".join("+" if _is_single(level) else level for level in levels)


def segments(topic_filter: str, topic: str) -> dict[str, str]:
    """Returns the values of a filter's named segments in a topic that it covers: ``{"room": "kitchen"}``."""
    pairs = zip(topic_filter.split("/"), topic.split("/"), strict=False)
    return {want[1:-1]: got for want, got in pairs if len(want) > 2 and want[0] == "{" and want[-1] == "}"}


def named_twice(topic_filter: str) -> str:
    """Returns a name that two segments of a filter have; empty if there is none."""
    names = [level[1:-1] for level in topic_filter.split("/") if len(level) > 2 and _is_single(level)]
    return next((name for name in names if names.count(name) > 1), "")


def _is_single(level: str) -> bool:
    return level == "+" or (len(level) > 2 and level[0] == "{" and level[-1] == "}")


class Topics:
    """The tree of one installation.

    Args:
        prefix: its first level or levels; two installations on one broker differ here.
    """

    def __init__(self, prefix: str = "midstream") -> None:
        if wire_filter(prefix) != prefix or any(sign in prefix for sign in "+#"):
            raise UsageError(f"{prefix!r} cannot be a topic prefix", remedy="use plain levels, as in 'midstream'")
        self.prefix = prefix.strip("/")
        self.coordinator_status = f"{self.prefix}/coordinator/status"
        self.request = f"{self.prefix}/request"

    def client_id(self, part: str) -> str:
        """A part's MQTT client id, as ``midstream-hub-nas``: installations that share a broker must not share that."""
        return f"{self.prefix.replace('/', '-')}-{part}"

    def hub(self, hub: str, leaf: str) -> str:
        """``hubs/<hub>/<leaf>``: status, info, metrics, command, answer."""
        return f"{self.prefix}/hubs/{hub}/{leaf}"

    def package(self, hub: str, part: str) -> str:
        """``hubs/<hub>/package/<sha256>``: a part of a permission package on its way to a hub."""
        return f"{self.prefix}/hubs/{hub}/package/{part}"

    def contribution(self, part: str) -> str:
        """``request/part/<sha256>``: a part of what a command line asks for, on its way to the coordinator."""
        return f"{self.prefix}/request/part/{part}"

    def function(self, name: str) -> str:
        """``functions/<name>``: what it is and where it fits."""
        return f"{self.prefix}/functions/{name}"

    def instance(self, instance: str, leaf: str) -> str:
        """``instances/<id>/<leaf>``: claim, state, hub, log, result, move, ahead, set."""
        return f"{self.prefix}/instances/{instance}/{leaf}"

    def up(self, checkpoint: str, part: int | str) -> str:
        """``checkpoints/<id>/up/<n>``: a blob's part on its way to the coordinator."""
        return f"{self.prefix}/checkpoints/{checkpoint}/up/{part}"

    def down(self, checkpoint: str, part: int | str) -> str:
        """``checkpoints/<id>/down/<n>``: a blob's part on its way to a hub."""
        return f"{self.prefix}/checkpoints/{checkpoint}/down/{part}"

    def summary(self, checkpoint: str) -> str:
        """``checkpoints/<id>/summary``: what the blob holds, without values."""
        return f"{self.prefix}/checkpoints/{checkpoint}/summary"

    def event(self, rule: str) -> str:
        """``events/<rule>``: a threshold event and what was done about it."""
        return f"{self.prefix}/events/{rule}"

    def request_answer(self, client: str) -> str:
        """``request/answer/<client>``: answers to one command line."""
        return f"{self.prefix}/request/answer/{client}"

    def split(self, topic: str) -> list[str]:
        """Returns the levels below the prefix: ``["hubs", "hub-a", "status"]``; empty for a foreign topic."""
        start = self.prefix + "/"
        return topic[len(start) :].split("/") if topic.startswith(start) else []
