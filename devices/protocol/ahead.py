"""The word that a hub's spool is ahead of the store (`docs/protocol.md`, rule 8).

It is not signed. A claim lets somebody act, so nobody must be able to forge one; this word only keeps the coordinator
from acting. Who may write there could forge it, and hold a failover up until a person looks, or take it back, and no
signature would prevent that: it is for the broker's access list to say who may.
"""

from __future__ import annotations

from devices.protocol.messages import Message


class Ahead(Message, kw_only=True):
    """``instances/<id>/ahead``, retained; ``checkpoint`` is the newest that the store has, ``since`` RFC 3339.

    ``suspended``: it is, and messages for it were acknowledged that its hub's disk alone has.
    """

    instance: str
    hub: str
    epoch: int
    since: str
    checkpoint: str
    suspended: bool = False
