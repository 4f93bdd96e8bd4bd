"""What is wanted, by whom and why: requests and rules both end here, and `coordinator.moves` carries it out.

An intent says nothing about how. One that cannot be carried out is refused with an error whose sentence goes to the
person who asked, or into the event of the rule that wanted it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from devices.protocol.occasion import Occasion

TRIGGER: Final = "trigger "
"""How `Intent.by` begins where a trigger wants it; there are thousands a day, and no event for each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Intent:
    """Base of all intents.

    Args:
        by: who wants it: ``"request"``, or ``"rule <name>"``.
        why: in words, for events and `MoveReport.reason`: ``"hub-a: temperature 78 > 75 for 20 s"``.
    """

    by: str
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Run(Intent):
    """Start a function as a new instance; or, if it has a trigger, have that start it from now on.

    Args:
        files: its source by relative path, main file first.
        function: its name; empty for the only one in the main file.
        name: of the instance; empty for the first free one after the function.
        hub: where; empty leaves it to placement.
        arguments: by parameter; texts are converted as the parameters' types say.
        declared: what `functions.toml` says of it (`coordinator.declared`); it travels with the instance.
        once: now and once, whatever trigger it has.
        occasion: the message that is its first argument, if its trigger are messages.
        trigger: whose run it is; empty for an instance of its own.
        start: the run's number in the store.
    """

    files: dict[str, str]
    function: str = ""
    name: str = ""
    hub: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    declared: Mapping[str, Any] = field(default_factory=dict)
    once: bool = False
    occasion: Occasion | None = None
    trigger: str = ""
    start: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Begin(Run):
    """Start a function from its start under the name of an instance that there is already, and which that ends.

    Its lineage stays. Whatever it has counted is not taken along.
    """


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint(Intent):
    """Make the instance's state durable; it goes on at once."""

    instance: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Suspend(Intent):
    """Make the state durable and stop executing; messages go on being kept for it.

    Args:
        instance: which.
        parks: it goes on by itself when its hub takes functions again.
        until: what lets it go on by itself, in words (`coordinator.placement.resuming`); empty: only somebody's wish.
    """

    instance: str
    parks: bool = False
    until: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resume(Intent):
    """Let a suspended instance go on, where it is or at ``hub``.

    Args:
        instance: which.
        hub: where; empty leaves it to placement.
        accept_loss: gives up the messages that a dead hub alone has.
    """

    instance: str
    hub: str = ""
    accept_loss: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Migrate(Intent):
    """Move the instance to ``hub``, or to the best other one; away from a dead hub too.

    Args:
        instance: which.
        hub: where; empty leaves it to placement.
        accept_loss: gives up what a dead hub did while the coordinator was away.
        shuns: hubs that are no better than the one that it leaves, and why, in words that follow the name.
    """

    instance: str
    hub: str = ""
    accept_loss: bool = False
    shuns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Stop(Intent):
    """End the instance for good; its lineage stays."""

    instance: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Unmute(Intent):
    """Let a muted instance publish what it makes from now on."""

    instance: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Upgrade(Intent):
    """Let an instance go on with changed source, where it stands.

    Args:
        instance: its id.
        files: the source by relative path, main file first.
        function: its name; empty for the one that the instance was started with.
        dry_run: only find out what would become of it.
        declared: what `functions.toml` says of it now; empty for what it said before.
    """

    instance: str
    files: dict[str, str]
    function: str = ""
    dry_run: bool = False
    declared: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Restore(Intent):
    """Go on from a checkpoint: the newest one under its own name, any other one as a branch.

    Args:
        checkpoint: its id.
        as_new: makes a branch; needed for any but the newest checkpoint of an instance.
        name: of the branch; empty for the next free ``washer~2``.
        hub: where; empty leaves it to placement.
        unmute: lets the branch publish; else its outputs are counted and dropped.
        files: changed source to go on with; empty for its own.
        function: its name there; empty for the one of the checkpoint.
        values: of variables, by name, as of when it goes on.
        declared: what `functions.toml` says of it now; empty for what it said before.
    """

    checkpoint: str
    as_new: bool = False
    name: str = ""
    hub: str = ""
    unmute: bool = False
    files: dict[str, str] = field(default_factory=dict)
    function: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    declared: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Publish(Intent):
    """Say something on a topic of the house.

    Args:
        topic: outside of Midstream's own.
        text: what.
        retain: whether the broker keeps it.
        qos: 0, 1 or 2.
    """

    topic: str
    text: str
    retain: bool = False
    qos: int = 1
