"""First checkpoints: of a new instance, and of a branch.

An instance starts from a checkpoint like from any other (`image` is `None`: not started yet), which the coordinator
makes without running a line of the function. So a start, a move, a resumption and a fallback are one thing, and the end
of the chain of parents is a clean start. A branch starts from a copy of an older checkpoint under its own name; the
state inside is the same bytes.
"""

from __future__ import annotations

import platform
import secrets
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coordinator.moment import now
from coordinator.store.checkpoints import ROOT_HUB, UPGRADE
from devices.protocol import checkpoint as blobs
from devices.protocol.checkpoint import ConsumedRecord, EngineRecord, FunctionRecord, Header, MailboxRecord


def new_id() -> str:
    """Returns a fresh id of a checkpoint or a move: 48 random bits, short enough to type."""
    return secrets.token_hex(6)


def first_of(
    instance: str,
    function: FunctionRecord,
    engine: str,
    key: Ed25519PrivateKey,
    *,
    epoch: int = 0,
    sequence: int = 0,
) -> tuple[Header, bytes]:
    """Returns the header and the blob of an instance's first checkpoint.

    Args:
        instance: its id.
        function: the code, the checked arguments and the settings.
        engine: what will run it.
        key: the coordinator's.
        epoch: the newest one of the instance; 0 of a new one.
        sequence: outputs that the instance has made before.
    """
    header = Header(
        checkpoint=new_id(),
        instance=instance,
        parent="",
        epoch=epoch,
        created=now(),
        hub=ROOT_HUB,
        reason="started",
        function=function,
        engine=EngineRecord(
            name=engine,
            normal_form=0,  # no statement is named yet
            python=platform.python_version(),
            implementation=platform.python_implementation(),
        ),
        place=None,
        mailbox=MailboxRecord(subscriptions=[], unread=[], repeats=[], arrivals=0, delivered=0, dropped=0),
        consumed=ConsumedRecord(arrivals=[]),
        outputs=[],
        sequence=sequence,
        image=None,
    )
    return header, blobs.encode(header, b"", key)


def branch_of(old: Header, packed: bytes, instance: str, key: Ed25519PrivateKey) -> tuple[Header, bytes]:
    """Returns the header and the blob with which a branch starts from an older checkpoint.

    The state, the unread messages and the subscriptions come along. What belongs to the old instance's MQTT session
    does not: its repeats (packet ids mean something else in the branch's own session), and outputs on their way (the
    old instance publishes them, or did).

    Args:
        old: the older checkpoint's header; its code and place may have been changed.
        packed: the image, likewise.
        instance: the branch's id.
        key: the coordinator's.
    """
    changes: dict[str, Any] = {
        "checkpoint": new_id(),
        "instance": instance,
        "parent": old.checkpoint,
        "epoch": 0,
        "created": now(),
        "hub": ROOT_HUB,
        "reason": f"branch of {old.instance}",
        "mailbox": msgspec.structs.replace(old.mailbox, repeats=[]),
        "consumed": ConsumedRecord(arrivals=[]),
        "outputs": [],
    }
    header = msgspec.structs.replace(old, **changes)
    return header, blobs.encode(header, packed, key)


def upgrade_of(old: Header, packed: bytes, key: Ed25519PrivateKey) -> tuple[Header, bytes]:
    """Returns the header and the blob with which an instance goes on with changed source: a child, and the same state.

    Args:
        old: the header of the checkpoint that it was made of, with the new code and place.
        packed: the image, for the new code.
        key: the coordinator's.
    """
    changes: dict[str, Any] = {
        "checkpoint": new_id(),
        "parent": old.checkpoint,
        "created": now(),
        "hub": ROOT_HUB,
        "reason": UPGRADE,
        "consumed": ConsumedRecord(arrivals=[]),
    }
    header = msgspec.structs.replace(old, **changes)
    return header, blobs.encode(header, packed, key)
