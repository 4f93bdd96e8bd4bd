"""What is told of a move that has ended: the retained report, and an event in words."""

from __future__ import annotations

from typing import Final

from coordinator import intents
from coordinator.moment import now
from coordinator.moves import upgrading
from coordinator.moves.ground import Ground
from coordinator.moves.journey import Journey
from coordinator.store import checkpoints
from coordinator.store.checkpoints import UPGRADE
from devices.protocol import messages
from devices.protocol.messages import MoveReport

_DID: Final = {
    "start": "started {instance} on {destination}",
    "move": "moved {instance} from {source} to {destination}",
    "failover": "moved {instance} from {source}, which is away, to {destination}",
    "resume": "resumed {instance} on {destination}",
    "restore": "restored {instance} on {destination}",
    "upgrade": "put {instance} on changed source on {destination}",
}


async def tell(ground: Ground, journey: Journey) -> None:
    """Publishes the report of a move from hub to hub, retained, and the event of what ended well.

    What ended otherwise was told when it did.
    """
    move = journey.move
    row = await ground.store.read(checkpoints.find, move.checkpoint) if move.checkpoint else None
    report = MoveReport(
        move=move.id,
        instance=move.instance,
        source=move.source,
        destination=move.destination,
        state=move.state,
        reason=move.why,
        checkpoint=move.checkpoint,
        bytes=row.size if row else 0,
        line=row.line if row else "",
        downtime_ms=move.downtime_ms,
        phases=move.phases,
        at=now(),
    )
    if move.source:
        ground.line.publish(ground.topics.instance(move.instance, "move"), messages.encode(report), retain=True)
    failed_upgrade = upgrading.is_upgrade(move) and (row is None or row.reason != UPGRADE)  # told by the fallback
    goes_without_saying = move.kind == "start" and move.by.startswith(intents.TRIGGER)
    if move.state == "done" and not failed_upgrade and not goes_without_saying:
        await ground.journal.tell(
            "move",
            did=_DID[move.kind].format(instance=move.instance, source=move.source, destination=move.destination),
            why=move.why,
            instance=move.instance,
            hub=move.destination,
            details={
                "move": move.id,
                "checkpoint": move.checkpoint,
                "bytes": report.bytes,
                "line": report.line,
                "downtime_ms": move.downtime_ms,
                "phases": move.phases,
            },
        )
