"""What a hub says of itself on its own machine: as it runs, or by what its spool holds, which is read and not changed."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from devices.hub.life import Life
from devices.hub.local import LocalInstance
from devices.hub.spool import Ended, Recovered, Released, Suspended, peek
from devices.runtime.deadline import outlook_of


def alive(lives: Collection[Life]) -> list[LocalInstance]:
    """Returns what runs, waits or is suspended here."""
    return [_alive(life) for life in lives]


def _alive(life: Life) -> LocalInstance:
    instance, said = life.instance, life.announcements.state()
    return LocalInstance(
        instance=instance.name,
        function=said.function,
        state=said.state,
        since=said.since,
        epoch=said.epoch,
        reason=instance.waits or said.reason,
        line=said.line,
        waiting=said.waiting,
        text=said.text,
        lag=said.lag,
        checkpoint=instance.header.checkpoint,
        ahead=life.ahead.since,
        stored=instance.durable == instance.header.checkpoint and not life.ahead.owes,
    )


def kept(spool: Path) -> list[LocalInstance]:
    """Returns what a hub that does not run would go on from.

    Args:
        spool: its folder.
    """
    folders = sorted(spool.iterdir()) if spool.is_dir() else []
    return [_kept(it.name, recovered) for it in folders if it.is_dir() and (recovered := peek(it)) is not None]


def _kept(name: str, recovered: Recovered) -> LocalInstance:
    epoch = recovered.claim.claim.epoch
    if recovered.checkpoint is None:
        why = "no whole checkpoint of it is left here"
        return LocalInstance(instance=name, function="", state="failed", since="", epoch=epoch, reason=why)
    header, _ = recovered.checkpoint
    state, reason = _meaning(recovered.verdict)
    return LocalInstance(
        instance=name,
        function=header.function.name,
        state=state,
        since=header.created,
        epoch=epoch,
        reason=reason,
        line=header.place.line if header.place is not None else "",
        waiting="" if isinstance(recovered.verdict, Ended) else outlook_of(header),
        lag=len(header.mailbox.unread),
        checkpoint=header.checkpoint,
    )


def _meaning(verdict: Suspended | Released | Ended | None) -> tuple[str, str]:
    match verdict:
        case Suspended():
            return "suspended", ""
        case Released():
            return "moving", "it was given away, and goes on here only if it is given back"
        case Ended():
            return "failed", "the coordinator is still to be told of its end"
    return "restarting", "it goes on from here when this hub runs, unless somebody else has it by then"
