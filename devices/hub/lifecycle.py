"""The states of an instance on a hub and the changes that are allowed: one table.

Who decides is not said here: claims do (`docs/protocol.md`, section 2). This only keeps the agent honest with itself:
a change that is not in the table is a mistake in the agent, never something the wire can cause.
"""

from __future__ import annotations

from typing import Final

from devices.protocol.messages import InstanceStateName

CHANGES: Final[dict[InstanceStateName, frozenset[InstanceStateName]]] = {
    # a worker is being forked, the image decoded
    "starting": frozenset({"running", "stopped"}),
    "running": frozenset({"capturing", "restarting", "finished", "failed", "stopped"}),
    # a checkpoint is being read; a function may end before it is
    "capturing": frozenset({"running", "suspended", "held", "restarting", "finished", "failed", "stopped"}),
    # frozen behind a checkpoint, until the verdict
    "held": frozenset({"running", "suspended", "moving", "restarting", "stopped"}),
    # its checkpoint is durable, no worker; the session is held here
    "suspended": frozenset({"capturing", "starting", "restarting", "stopped"}),
    # released: the commit point is behind, only a newer claim can bring it back (rule 19)
    "moving": frozenset({"starting", "stopped"}),
    # the worker died or its hub was stopped; back to the newest checkpoint
    "restarting": frozenset({"running", "failed", "stopped"}),
    "finished": frozenset(),
    "failed": frozenset({"starting", "stopped"}),
    "stopped": frozenset(),
}
"""From each state the ones that may follow."""

ENDED: Final[frozenset[InstanceStateName]] = frozenset({"finished", "failed", "stopped"})
"""No worker any more, by the function's own end or by order."""

STEADY: Final[frozenset[InstanceStateName]] = frozenset({"running", "suspended"})
"""Nothing is under way; checkpoints are taken by policy."""


def may_follow(state: InstanceStateName, following: InstanceStateName) -> bool:
    """Tells whether an instance may go from one state to another."""
    return following in CHANGES[state]
