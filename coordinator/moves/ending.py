"""The end of an instance: the function returned, raised, was stopped, or its worker died for good."""

from __future__ import annotations

from typing import Final, Literal

from sqlalchemy.orm import Session

from coordinator.moment import now
from coordinator.moves.ground import Ground
from coordinator.store import instances, triggers
from devices.errors import LONGEST_SHOWN, printable
from devices.protocol.answers import Ended
from devices.protocol.commands import Noted

Outcome = Literal["news", "run", "known", "not its"]
"""``run``: news of a trigger's run that ended well, of which there are thousands a day."""
_LONGEST_ERROR: Final = 8 * LONGEST_SHOWN
_DID: Final = {"finished": "finished", "failed": "failed; its last checkpoint is kept", "stopped": "stopped"}


async def take(ground: Ground, hub: str, told: Ended) -> bool:
    """Notes an end and says so, as often as it is told; returns whether it was news.

    Of another epoch than the newest it is not believed: the hub is fenced, which its report brings about.
    """
    outcome = await ground.store.write(_end, hub, told)
    if outcome == "not its":
        return False
    if outcome == "news":
        await _tell(ground, hub, told)  # before its hub forgets the last lines of its log
    elif outcome == "run":
        ground.claims.withdraw(told.instance)
    ground.commands.send(hub, Noted(id=f"noted-{told.instance}-{told.epoch}", instance=told.instance, epoch=told.epoch))
    return outcome in ("news", "run")


async def _tell(ground: Ground, hub: str, told: Ended) -> None:
    ground.claims.withdraw(told.instance)
    if told.state != "stopped":
        last_line = printable(told.error.strip().rpartition("\n")[2]) if told.error else ""
        await ground.journal.tell(
            "instance",
            did=f"{told.instance} {_DID[told.state]}",
            why=last_line or ("its function returned" if told.state == "finished" else "no reason was told"),
            severity="problem" if told.state == "failed" else "info",
            instance=told.instance,
            hub=hub,
            details={"log": told.log} if told.log else None,
        )


def _end(session: Session, hub: str, told: Ended) -> Outcome:
    instance = instances.find(session, told.instance)
    if instance is None and triggers.has_ended(session, told.instance):
        return "known"
    if instance is None or (instance.epoch, instance.hub) != (told.epoch, hub):
        return "not its"
    if instance.state in instances.ENDED:
        return "known"
    instance.state, instance.since = told.state, now()
    instance.result, instance.error = told.result, printable(told.error, _LONGEST_ERROR)
    instance.reason = instance.error.strip().rpartition("\n")[2]
    return "run" if instance.trigger and told.state == "finished" else "news"
