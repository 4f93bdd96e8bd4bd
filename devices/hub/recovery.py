"""What an earlier run of this agent left in the spool is taken up again, where the claim still says so.

The door is the ordinary one: an instance goes on from a checkpoint, under a claim that was read. Who finds a newer claim
forgets its copy; who can read none waits, unless its function may never run elsewhere (`docs/protocol.md`, rule 5).
"""

from __future__ import annotations

import logging

import msgspec

from devices.errors import MidstreamError, UnreachableError
from devices.hub import claims, last_word
from devices.hub.backoff import Backoff
from devices.hub.instance import Hub
from devices.hub.instances import Instances
from devices.hub.life import Life
from devices.hub.outbox import Outbox
from devices.hub.spool import Ended, InstanceSpool, Recovered, Released, Spool, Suspended
from devices.protocol import answers, messages

_log = logging.getLogger(__name__)


def take_up(hub: Hub, instances: Instances, spool: Spool) -> None:
    """Takes up all that a spool holds; what is damaged is named in the log."""
    for name, (folder, recovered) in spool.recover().items():
        if recovered.checkpoint is None:
            _log.error("%s: no whole checkpoint is left of it in %s", name, folder.folder)
            continue
        try:
            life = _alive(instances, folder, recovered)
        except MidstreamError as error:
            _log.error("%s: %s", name, error)
            continue
        life.begun.set()
        life.tasks.start(_go_on(hub, life, recovered), "taken up again")
    for damaged in spool.damaged:
        _log.error("%s", damaged)


def _alive(instances: Instances, folder: InstanceSpool, recovered: Recovered) -> Life:
    assert recovered.checkpoint is not None
    header, _ = recovered.checkpoint
    claim = recovered.claim
    outputs, sequence = header.outputs, header.sequence
    if isinstance(recovered.verdict, Ended):
        outputs = recovered.verdict.outputs
        sequence = max((it.sequence for it in outputs), default=sequence)
    outbox = Outbox(outputs, sequence=sequence, published=claim.published, muted=claim.muted)
    instance = instances.instance(header, claim.claim.epoch, folder, outbox)
    match recovered.verdict:
        case Released(move=move):
            instance.move = move
            instance.state = "moving"
        case Suspended(until=until):
            instance.state = "suspended"
            instance.until = until
        case Ended():
            instance.state = "failed"
        case None:
            instance.state = "running"
    life = instances.add(instance)
    life.renews = True
    life.mail.take_up()
    if recovered.owed is not None:
        life.ahead.take_up(*recovered.owed)
    return life


async def _go_on(hub: Hub, life: Life, recovered: Recovered) -> None:
    if not await _may_act(hub, life, ended=isinstance(recovered.verdict, Ended)):
        _log.info("%s was claimed for another hub meanwhile", life.instance.name)
        await life.forget()
        return
    match recovered.verdict:
        case Released():
            return  # released: only a newer claim brings it back
        case Suspended():
            life.session.open()
            life.keep_house()
            life.instance.steady.set()
        case Ended(answer=answer):
            await _tell_end(life, answer)
        case None:
            life.session.open()
            life.keep_house()
            await life.process.set_back("its hub was started again")


async def _may_act(hub: Hub, life: Life, *, ended: bool) -> bool:
    """Returns when the claim was read: whether it is still ours; the coordinator withdraws that of what has ended."""
    instance, backoff = life.instance, Backoff()
    while True:
        reached, claim = True, None
        try:
            claim = await hub.claims.read(instance.name)
        except UnreachableError:
            reached = False
        instance.waits = "" if claim is not None else claims.UNREADABLE
        if claim is not None:
            return claim.epoch <= instance.epoch
        if instance.settings.failover == "never" or (ended and reached):
            instance.waits = ""
            return True
        await backoff.wait()


async def _tell_end(life: Life, answer: str) -> None:
    """Finishes what the crash has interrupted: the coordinator is told, the last outputs leave."""
    told = messages.decode(answer.encode(), answers.Ended, "spool")
    life.session.open()
    await last_word.deliver(life.instance, told, life.end_noted, life.let_last_outputs_go)
    if told.state == "finished":
        life.announcements.result(msgspec.json.encode(told.result))
        await life.session.flush()
        await life.end_session()
        await life.ahead.nothing_is_owed()
        await life.forget()
