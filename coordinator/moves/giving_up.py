"""What a hub has done ahead of the store, and that a person may give it up (`docs/protocol.md`, rule 8)."""

from __future__ import annotations

from coordinator.ingest.ahead import remedy, what
from coordinator.moves.ground import Ground
from coordinator.store.schema import Instance
from devices.errors import RefusedError


async def require_nothing_ahead(ground: Ground, instance: Instance, *, accepts_loss: bool) -> None:
    """Returns if an instance may go on elsewhere: its hub is there, or has done nothing that the store lacks.

    Args:
        ground: what moves use.
        instance: its row.
        accepts_loss: whether what is not here may be lost; then that is told, and the word is taken off the broker.

    Raises:
        RefusedError: something would be lost, and nobody has accepted that.
    """
    word = ground.ahead.of(instance.id, instance.epoch)
    if word is None or ground.hubs.online(instance.hub):
        return
    if not accepts_loss:
        raise RefusedError(
            f"{instance.id} cannot go on elsewhere yet: {word.hub}, which is away, alone has {what(word)}",
            remedy=f"start {word.hub} again, or give that up: {remedy(word)}",
        )
    await give_up(ground, instance.id, instance.epoch, "the loss was accepted with --accept-loss")


async def give_up(ground: Ground, instance: str, epoch: int, why: str) -> None:
    """Gives up what a hub has done ahead of the store, if there is such a word, and tells what is lost."""
    word = ground.ahead.since(instance, epoch)
    if word is None:
        return
    ground.ahead.give_up(instance)
    outputs = "" if word.suspended else ", and outputs since may be made once more, with other content"
    await ground.journal.tell(
        "ahead",
        did=f"gave up what {word.hub} did with {instance} since {word.since}, behind checkpoint {word.checkpoint}: "
        f"the messages that it acknowledged since are lost{outputs}",
        why=why,
        severity="problem",
        instance=instance,
        hub=word.hub,
        details={"checkpoint": word.checkpoint, "since": word.since},
    )
