"""What an instance on this hub consists of: values that its session, its checkpoints and its announcements share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from devices.errors import MidstreamError
from devices.hub.claims import Claims
from devices.hub.control import Control
from devices.hub.draining import Draining
from devices.hub.feed import Feed
from devices.hub.lease import Lease
from devices.hub.lifecycle import STEADY, may_follow
from devices.hub.mailbox import Mailbox
from devices.hub.moment import now
from devices.hub.outbox import Outbox
from devices.hub.spool import InstanceSpool
from devices.hub.workers import Worker, Workers
from devices.mqtt.address import BrokerAddress
from devices.protocol.checkpoint import Header
from devices.protocol.messages import InstanceStateName
from devices.protocol.topics import Topics
from devices.runtime.settings import Settings


@dataclass(slots=True, kw_only=True)
class Hub:
    """What all instances of a hub share."""

    name: str
    key: Ed25519PrivateKey
    topics: Topics
    address: BrokerAddress
    control: Control
    claims: Claims
    workers: Workers
    lease: Lease
    draining: Draining
    stop_within: float  # seconds until a checkpoint is given up that finds no place to stop
    window: int  # QoS 1 messages that the broker sends to a session unacknowledged, at most


@dataclass(slots=True, kw_only=True)
class Instance:
    """One instance here.

    Attributes:
        hub: where it is.
        name: its id.
        epoch: of the claim under which it acts.
        header: of its newest checkpoint that this hub keeps; a function whose process dies goes on from it.
        settings: of `@function`.
        spool: its folder.
        mailbox: its inputs.
        outbox: its outputs.
        feed: hands the inputs to the worker.
        worker: its process, if it has one.
        state: of its life here.
        reason: why, in words; empty if nothing is to be said.
        waits: why it stands still although its state does not say so, in words; told on this machine alone.
        since: when the state began, RFC 3339.
        durable: id of its newest checkpoint that is where failover will look for it.
        move: id of the move for which it is held or was released.
        until: what lets it go on, if this hub has suspended it for its own protection.
        changed: set when there is something to announce.
        steady: set while it runs or is suspended: then checkpoints are taken by policy.
    """

    hub: Hub
    name: str
    epoch: int
    header: Header
    settings: Settings
    spool: InstanceSpool
    mailbox: Mailbox
    outbox: Outbox
    feed: Feed
    since: str
    durable: str
    worker: Worker | None = None
    state: InstanceStateName = "starting"
    reason: str = ""
    waits: str = ""
    move: str = ""
    until: str = ""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    steady: asyncio.Event = field(default_factory=asyncio.Event)

    def become(self, state: InstanceStateName, reason: str = "") -> None:
        """Changes the state; ``reason`` in words."""
        assert may_follow(self.state, state), f"{self.name}: {state} after {self.state}"
        self.state, self.reason, self.since = state, reason, now()
        self.changed.set()
        if state in STEADY:
            self.steady.set()
        else:
            self.steady.clear()

    def goes_on_from(self, header: Header) -> None:
        """Takes a checkpoint's code and settings; its state is the one that is here.

        A newer mailbox that is kept here stays what the function is set back to: nothing is remembered of before it.

        Raises:
            ProtocolError: its settings are none.
        """
        self.settings = Settings.from_plain(header.function.settings)
        kept = self.header.mailbox
        self.header = (
            header if header.mailbox.arrivals >= kept.arrivals else msgspec.structs.replace(header, mailbox=kept)
        )
        self.durable = header.checkpoint

    def complain(self, error: MidstreamError) -> None:
        """Shows an error that does not end anything."""
        self.reason = str(error)
        self.changed.set()
