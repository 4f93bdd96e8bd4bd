"""How long a function may act without a sign of the broker, and how long its hub is waited for (rule 6).

MQTT fences outputs; it cannot fence files, volumes and device nodes. So a function that may go on elsewhere acts on a
*lease*: without a sign of the broker for that long its process is stopped (`devices.runtime.leases`). The coordinator
gives it to another hub only when the lease is over for certain. This is the whole computation:

- A sign for the hub is an answer of the broker, and it counts from the question: an answer may have lain in a buffer
  while the hub was asleep.
- A sign for the coordinator is a message of the hub, at least its metrics, each ``sign_every`` seconds. A will is none:
  it says that a connection has ended, not that a function has.
- The hub's last sign may be ``sign_every`` seconds younger than the coordinator's; then the lease runs. Another lease
  is added for what no clock shows: messages under way, a slow hub, a process that is stopped a moment late.
"""

from __future__ import annotations

from typing import Final

LEASE: Final = 5.0
"""Seconds, where `hub.toml` says nothing else ([limits] lease)."""
SIGN_EVERY: Final = 5.0
"""Seconds between two metrics, where a hub does not say."""


def wait(failover_after: float, lease: float, sign_every: float) -> float:
    """Returns the seconds after a hub's last sign of life from which its function may go on elsewhere.

    Args:
        failover_after: seconds of the function's policy; 0 for ``auto``.
        lease: the hub's, in seconds.
        sign_every: seconds between two metrics of the hub.
    """
    return sign_every + max(failover_after, 2 * lease)
