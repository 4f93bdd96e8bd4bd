"""Brings sites to hubs: takes in what a command line has, makes the package, and sends a hub what it says it lacks.

Nothing is sent that is there already: the command line is asked for parts that the store has not, the hub says which it
has not. So a push that was cut, anywhere, goes on where it was when it is asked for again.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from coordinator import intents
from coordinator.deployment import packing
from coordinator.deployment.bundle import Bundle, decode
from coordinator.ingest.hubs import Hub
from coordinator.moment import now
from coordinator.moves.actions import Carried
from coordinator.moves.commands import HubGoneError
from coordinator.moves.ground import Ground
from coordinator.store import deployments as rows
from coordinator.store import instances
from coordinator.store.database import until_stored
from coordinator.store.schema import Deployment
from coordinator.views.deployed import (
    DeployAnswer,
    DeployAsk,
    DeploymentHistoryRow,
    DeploymentRow,
    DeploymentsAsk,
    RollbackAsk,
    SiteRow,
)
from devices.errors import MidstreamError, ProtocolError, RefusedError, UnreachableError, printable
from devices.permissions.package import cut, digest, seal
from devices.protocol import answers, commands, limits
from devices.protocol.answers import Deployed, Wants

_SHA256: Final = re.compile("[0-9a-f]{64}")
FULL: Final = "full"
_BY: Final = "request"
_AWAITED: Final = 600.0
"""Seconds for which a part is kept that no package names yet."""
_KEPT: Final = 10
"""Packages of a hub whose contents are kept, so that one can go back to them."""
_UNDER_WAY: Final = 16
"""Parts that are sent and not acknowledged."""
_IN_VAIN: Final = 5
"""Times that a hub may ask for the very same parts."""


class Rollouts:
    """Permission packages, from here.

    Args:
        ground: the coordinator's parts.
        carry_out: what is wanted of instances.
    """

    def __init__(self, ground: Ground, carry_out: Callable[[intents.Intent], Awaitable[Carried]]) -> None:
        self._carry_out = carry_out
        self._store = ground.store
        self._line = ground.line
        self._topics = ground.topics
        self._hubs = ground.hubs
        self._commands = ground.commands
        self._journal = ground.journal
        self._key = ground.key
        self._wanted: set[str] = set()
        self._arrived: dict[str, float] = {}  # parts that a push under way may be about to name, monotonic seconds
        self._coming: set[asyncio.Task[None]] = set()
        self._turns: dict[str, asyncio.Lock] = {}

    # From a command line ----------------------------------------------------------------------------------------------

    def take_part(self, name: str, payload: bytes) -> asyncio.Future[None]:
        """Takes a part that a command line was asked for; returns what its acknowledgement waits for.

        Raises:
            ProtocolError: nobody asked for it, or it is not what its name says.
        """
        if name not in self._wanted:
            raise ProtocolError(f"nobody has asked for part {printable(name, 70)}")
        if len(payload) > limits.PART or digest(payload).hex() != name:
            raise ProtocolError(f"part {name[:12]} is not what its name says")
        self._wanted.discard(name)
        self._arrived[name] = time.monotonic()
        task = asyncio.create_task(
            until_stored(lambda: self._store.write(rows.keep_part, name, payload)), name=f"keep part {name[:12]}"
        )
        self._coming.add(task)
        task.add_done_callback(self._coming.discard)
        return task

    async def push(self, asked: DeployAsk) -> DeployAnswer:
        """Brings a site to a hub, or says which parts of it are wanted first.

        Raises:
            RefusedError: the hub cannot take it.
            MidstreamError: it is no site, or the hub could not build it; then it has what it had.
        """
        hub = self._able(asked.hub)
        if not 0 < len(asked.parts) <= limits.PACKAGE // limits.PART:
            raise ProtocolError(f"a site in {len(asked.parts)} parts")
        if wants := await self._wants(hub, asked.parts):
            return wants
        data = b"".join([await self._store.read(rows.part, name) for name in asked.parts])
        bundle = await asyncio.to_thread(decode, data)
        if wants := await self._wants(hub, [part.hex() for part in bundle.parts]):
            return wants
        answer = await self._deploy(hub, data, bundle, note="")
        if asked.restart:
            await self._restart(hub.name, bundle, answer)
        return answer

    async def _restart(self, hub: str, bundle: Bundle, answer: DeployAnswer) -> None:
        """Has the tasks that run on a hub go on under what is in force now: each from a checkpoint, in a new process."""
        why = f"package {answer.version} is in force on {hub}"
        for instance, function in await self._store.read(instances.every):
            if (instance.hub, instance.state) != (hub, "running") or function.name not in bundle.tasks:
                continue
            try:
                await self._carry_out(intents.Suspend(by=_BY, why=why, instance=instance.id))
                await self._carry_out(intents.Resume(by=_BY, why=why, instance=instance.id, hub=hub))
            except MidstreamError as error:
                answer.not_restarted[instance.id] = str(error)
            else:
                answer.restarted.append(instance.id)

    async def _wants(self, hub: Hub, names: list[str]) -> DeployAnswer | None:
        while self._coming:
            await asyncio.wait(self._coming)
        missing = await self._store.read(rows.missing, names)
        now_wanted = missing[: limits.PACKAGE_WANTED]
        if any(not _SHA256.fullmatch(name) for name in now_wanted):
            raise ProtocolError("a part has no SHA-256 for its name")
        self._wanted.update(now_wanted)
        if not missing:
            return None
        return DeployAnswer(hub=hub.name, wants=now_wanted, more=len(missing) - len(now_wanted))

    async def rollback(self, asked: RollbackAsk) -> DeployAnswer:
        """Brings an older site to a hub again.

        Raises:
            RefusedError: there is none, or the hub cannot take it.
            MidstreamError: the hub could not build it; then it has what it had.
        """
        hub = self._able(asked.hub)
        row = await self._store.read(rows.to_go_back_to, hub.name, asked.version)
        bundle = await asyncio.to_thread(decode, row.bundle)
        return await self._deploy(hub, row.bundle, bundle, note=f"version {row.version} again")

    # To a hub ---------------------------------------------------------------------------------------------------------

    def _able(self, name: str) -> Hub:
        if not self._hubs.known(name):
            known = ", ".join(hub.name for hub in self._hubs.every()) or "none"
            raise RefusedError(f"there is no hub {printable(name, 50)!r}", remedy=f"there are: {known}")
        hub = self._hubs[name]
        if why := _why_not(hub):
            raise RefusedError(f"hub {name} takes no permission package: {why}")
        if not hub.online:
            raise RefusedError(f"hub {name} is {hub.state}", remedy="deploy when it is back")
        return hub

    async def _deploy(self, hub: Hub, data: bytes, bundle: Bundle, note: str) -> DeployAnswer:
        async with self._turns.setdefault(hub.name, asyncio.Lock()):
            there = await self._commands.ask(hub.name, commands.Survey(id=_token("survey"), instance=""), Deployed)
            version = max(there.version, await self._store.read(rows.newest, hub.name)) + 1
            created = now()
            package = packing.package(bundle.plan(), bundle.resources, hub=hub.name, version=version, created=created)
            sealed = {digest(part).hex(): part for part in cut(await asyncio.to_thread(seal, package, self._key))}
            row = Deployment(
                hub=hub.name,
                version=version,
                bundle=data,
                names=sorted(bundle.tasks),
                tasks=len(bundle.tasks),
                resources=len(bundle.resources),
                size=sum(entry.size for it in bundle.resources.values() for entry in it.entries),
                created=created,
                state=rows.UNDER_WAY,
                note=note,
            )
            await self._store.write(rows.begin, row)
            try:
                deployed = await self._bring(hub.name, sealed)
            except MidstreamError as error:
                await self._store.write(rows.end, hub.name, version, rows.FAILED, str(error))
                await self._tell(hub.name, f"could not deploy package {version}", str(error), problem=True)
                raise
            await self._store.write(rows.end, hub.name, version, rows.DEPLOYED)
            await self._tidy(hub.name)
        await self._tell(hub.name, f"deployed package {version}", note or "asked for by deploy")
        return DeployAnswer(hub=hub.name, version=version, at=created, trees=deployed.trees, note=note)

    async def _bring(self, hub: str, sealed: Mapping[str, bytes]) -> Deployed:
        before: list[str] = []
        in_vain = 0
        while True:
            command = commands.Deploy(id=_token("deploy"), instance="", parts=list(sealed))
            answer = await self._commands.ask(hub, command, answers.Answer)
            if isinstance(answer, Deployed):
                return answer
            if not isinstance(answer, Wants):
                raise ProtocolError(f"hub {hub} answers a package with something else")
            in_vain = in_vain + 1 if answer.parts == before else 0
            if in_vain == _IN_VAIN:
                raise UnreachableError(f"parts of the package do not reach {hub}", remedy="look at the broker's limits")
            before = answer.parts
            await self._send(hub, answer.parts, sealed)

    async def _send(self, hub: str, names: list[str], sealed: Mapping[str, bytes]) -> None:
        under_way: deque[asyncio.Future[None]] = deque()
        for name in names:
            part = sealed[name] if name in sealed else await self._store.read(rows.part, name)
            sent = self._line.publish(self._topics.package(hub, name), part, expiry=limits.PART_EXPIRY)
            if sent is None:
                return
            under_way.append(sent)
            if len(under_way) > _UNDER_WAY:
                await asyncio.wait([under_way.popleft()])

    async def _tidy(self, hub: str) -> None:
        """Lets go of contents that nobody can go back to."""
        history = await self._store.read(rows.history, "")
        deployed = [row for row in history if row.hub == hub and row.state == rows.DEPLOYED]
        old = {row.number for row in deployed[_KEPT:]}
        old |= {row.number for row in history if row.state == rows.FAILED}
        old -= {row.number for row in history if not row.bundle}
        if old:
            await self._store.write(rows.forget, old)
        named: set[str] = set()
        for row in history:
            if row.bundle and row.number not in old:
                named.update(part.hex() for part in (await asyncio.to_thread(decode, row.bundle)).parts)
        self._arrived = {name: at for name, at in self._arrived.items() if time.monotonic() - at < _AWAITED}
        await self._store.write(rows.keep_only, named | self._arrived.keys())

    async def _tell(self, hub: str, did: str, why: str, *, problem: bool = False) -> None:
        await self._journal.tell("deployment", did=did, why=why, severity="problem" if problem else "info", hub=hub)

    # Looking ----------------------------------------------------------------------------------------------------------

    async def look(self, question: str, asked: DeploymentsAsk) -> list[Any]:
        """Answers `deploy-status`, `deploy-history` and `deploy-site`.

        Raises:
            RefusedError: there is no such hub.
        """
        match question:
            case "deploy-status":
                return await self.status(asked)
            case "deploy-history":
                return await self.history(asked)
        return await self.site(asked)

    async def status(self, asked: DeploymentsAsk) -> list[DeploymentRow]:
        """Returns how hubs are, each asked now.

        Raises:
            RefusedError: there is no such hub.
        """
        if asked.hub and not self._hubs.known(asked.hub):
            self._able(asked.hub)
        hubs = [hub for hub in self._hubs.every() if asked.hub in ("", hub.name)]
        return list(await asyncio.gather(*map(self._row, hubs)))

    async def _row(self, hub: Hub) -> DeploymentRow:
        last = await self._store.read(rows.in_force, hub.name)
        row = DeploymentRow(hub=hub.name, able=not _why_not(hub), why=_why_not(hub))
        row.wanted, row.at = (last.version, last.created) if last else (0, "")
        if not row.able:
            return row
        if not hub.online:
            row.why = f"it is {hub.state}"
            return row
        try:
            there = await self._commands.ask(hub.name, commands.Survey(id=_token("survey"), instance=""), Deployed)
        except HubGoneError as error:
            row.why = error.message
        except MidstreamError as error:
            row.why = str(error)
        else:
            row.version, row.trees = there.version, there.trees
            row.drift, row.drifted, row.volumes = there.drift, there.drifted, there.volumes
            row.older = there.older
            row.over_quota = sorted(name for name, it in there.volumes.items() if it.used > it.quota)
        return row

    async def history(self, asked: DeploymentsAsk) -> list[DeploymentHistoryRow]:
        """Returns all packages, newest first."""
        return [
            DeploymentHistoryRow(
                hub=row.hub,
                version=row.version,
                at=row.created,
                state=row.state,
                tasks=row.tasks,
                resources=row.resources,
                bytes=row.size,
                note=row.note,
                error=row.error,
            )
            for row in await self._store.read(rows.history, asked.hub)
        ]

    async def site(self, asked: DeploymentsAsk) -> list[SiteRow]:
        """Returns what the site that is deployed to a hub says; nothing if none is."""
        row = await self._store.read(rows.in_force, asked.hub)
        if row is None or not row.bundle:
            return []
        facts = (await asyncio.to_thread(decode, row.bundle)).facts()
        return [SiteRow(what=what, value=value) for what, value in facts.items()]


def _why_not(hub: Hub) -> str:
    said = hub.info.permissions if hub.info is not None else ""
    if said == FULL:
        return ""
    return printable(said, 300) or "it runs an older version"


def _token(what: str) -> str:
    return f"{what}-{secrets.token_hex(8)}"
