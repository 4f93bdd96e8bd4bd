"""New instances: from a function's source, or as a branch from a checkpoint.

Each is one transaction: the instance, its first checkpoint, and the move that brings it to a hub. Nothing of the source
is run here; it is read (`devices.runtime.function`).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session

from coordinator import intents
from coordinator.ingest.checkpoints import row_of
from coordinator.moment import now
from coordinator.moves import founding
from coordinator.moves.ground import Handover
from coordinator.placement.requirements import Requirements
from coordinator.placement.score import Place
from coordinator.store import checkpoints, instances, lineage, triggers
from coordinator.store.instances import DECLARED
from coordinator.store.schema import Function, Instance, Move
from devices.errors import MidstreamError, RefusedError, SourceError, UsageError
from devices.protocol import limits, sealing
from devices.protocol.checkpoint import FunctionRecord, Header
from devices.protocol.occasion import Occasion
from devices.protocol.topics import check_name, matches, name_from, segments
from devices.runtime.declaration import FunctionDeclaration, Parameter, check_arguments
from devices.runtime.function import choose, read_functions
from devices.runtime.settings import Needs, Settings, read_settings
from devices.runtime.source import Source

ENGINE: Final = "python"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Code:
    """A function as it was read from its source, and the arguments it is started with.

    Attributes:
        source: its files.
        declaration: what it says of itself.
        arguments: checked.
        declared: what `functions.toml` says of the instance; its settings weigh more than the function's own.
    """

    source: Source
    declaration: FunctionDeclaration
    arguments: dict[str, Any]
    declared: Mapping[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        """Those that count.

        Raises:
            SourceError: what `functions.toml` says contradicts itself.
        """
        given = self.declared.get("settings", {})
        return read_settings(given, "functions.toml", self.declaration.settings) if given else self.declaration.settings

    @property
    def needs(self) -> Needs:
        """What a hub must have."""
        return self.settings.needs

    def wants(self, granted: frozenset[str] | None, instance: str = "") -> Requirements:
        """Returns what it asks of a hub.

        Args:
            granted: the hubs where it may begin (`tenants.granted`).
            instance: its name, if it has one already.
        """
        settings = self.settings
        return Requirements(settings.needs, ENGINE, instance=instance, priority=settings.priority, granted=granted)

    def plain_settings(self, timezone: str) -> dict[str, Any]:
        """Returns what travels with the instance as its function's settings."""
        declared = {DECLARED: dict(self.declared)} if self.declared else {}
        return self.settings.to_plain() | {"timezone": timezone} | declared


@dataclass(frozen=True, slots=True)
class Planting:
    """Where and why an instance is started."""

    key: Ed25519PrivateKey
    intent: intents.Run | intents.Restore
    place: Place
    handover: Handover
    timezone: str
    taken: frozenset[str] = frozenset()  # names of instances that are only known by a claim


def read(intent: intents.Run, defaults: Settings) -> Code:
    """Reads a function's source without running it, and checks the arguments.

    Args:
        intent: with the source.
        defaults: for what the function does not say about itself.

    Raises:
        SourceError: no function in it, too large, or a syntax error.
        UsageError: an argument that does not fit.
    """
    source, declaration = read_files(intent.files, intent.function, defaults)
    if "on" in intent.declared.get("settings", {}) and not declaration.message:
        raise SourceError(
            "on= is no setting that functions.toml can give: the function must have a parameter for the message",
            place=declaration.place,
            remedy='write it there, as in @function(on="zigbee2mqtt/{room}/occupancy")',
        )
    if intent.once and declaration.message and intent.occasion is None:
        raise UsageError(
            f"{declaration.name} is started by a message",
            place=declaration.place,
            remedy=f"give one, as in --message '{declaration.settings.on[0]}=ON'",
        )
    if intent.occasion is not None and not declaration.message:
        raise UsageError(f"{declaration.name} is started by no message", place=declaration.place)
    return Code(source, declaration, check_arguments(declaration, intent.arguments), intent.declared)


def read_files(files: dict[str, str], function: str, defaults: Settings) -> tuple[Source, FunctionDeclaration]:
    """Reads a function's source without running it.

    Args:
        files: by relative path, main file first.
        function: its name; empty for the only one in the main file.
        defaults: for what it does not say about itself.

    Raises:
        SourceError: no function in it, too large, or a syntax error.
    """
    if not files or len(files) > limits.SOURCE_FILES:
        raise SourceError(f"{len(files)} files; one to {limits.SOURCE_FILES} make a function")
    if sum(len(text.encode()) for text in files.values()) > limits.SOURCE:
        raise SourceError(f"the files are larger than {limits.SOURCE // limits.KIB} KB together")
    main = next(iter(files))
    if "/" in main or not main.endswith(".py"):
        raise SourceError("the function's file has a name that ends in .py, and no folder", place=main)
    source = Source(main.removesuffix(".py"), files)
    return source, choose(read_functions(source, defaults), function or None, main)


def new_instance(session: Session, planting: Planting, code: Code) -> Move:
    """Adds an instance of a function and the move that starts it.

    Raises:
        RefusedError: the name that was wanted is taken.
        UsageError: it cannot be a name.
    """
    intent = planting.intent
    assert isinstance(intent, intents.Run)
    name = _name(session, intent, code, planting.taken)
    made = msgspec.structs.replace(record(code, planting.timezone), occasion=_named(intent, code))
    header, blob = founding.first_of(name, made, ENGINE, planting.key)
    number = instances.remember_function(session, row_of_function(made, code.declaration))
    instance = Instance(id=name, function=number, trunk=name, settings=made.settings, trigger=intent.trigger)
    return _plant(session, planting, instance, header, blob)


def _name(session: Session, intent: intents.Run, code: Code, taken: frozenset[str]) -> str:
    if intent.trigger:
        run = triggers.begin(session, intent.trigger, intent.start, instances.names(session) | taken)
        if run is None:
            raise RefusedError(f"start {intent.start} of {intent.trigger} has begun already")
        return run
    wanted = check_name("instance", intent.name or name_from(code.declaration.name))
    name = lineage.free_name(session, wanted, taken | triggers.names(session))
    if intent.name and name != wanted:
        raise RefusedError(f"there is an instance {wanted} already", remedy=f"name it otherwise, as in {name}")
    return name


def _named(intent: intents.Run, code: Code) -> Occasion | None:
    """Returns the message, with the segments of its topic named as the function's filter names them."""
    given = intent.occasion
    if given is None or given.params:
        return given
    filters = (it for it in code.settings.on if matches(it, given.topic))
    return msgspec.structs.replace(given, params=segments(next(filters, ""), given.topic))


def record(code: Code, timezone: str) -> FunctionRecord:
    """Returns what travels of a function that starts."""
    return FunctionRecord(
        name=code.declaration.name,
        module=code.source.module,
        files=code.source.files,
        digest=code.source.digest,
        arguments=code.arguments,
        settings=code.plain_settings(timezone),
    )


def function_of(record: FunctionRecord) -> Function:
    """Returns the row of a function that came with a checkpoint; its source is read for what it says of itself."""
    try:
        source = Source(record.module, record.files)
        return row_of_function(record, choose(read_functions(source), record.name, record.module))
    except MidstreamError as error:
        _log.warning("the source of %s says nothing of itself: %s", record.name, error)
        return row_of_function(record, None)


def row_of_function(record: FunctionRecord, declaration: FunctionDeclaration | None) -> Function:
    """Returns the row of a function; what was declared of one instance is not a function's."""
    parameters = declaration.parameters if declaration is not None else []
    own = declaration.settings.to_plain() if declaration is not None and DECLARED in record.settings else {}
    return Function(
        name=record.name,
        digest=record.digest.hex(),
        module=record.module,
        doc=declaration.docstring if declaration is not None else "",
        parameters={parameter.name: _in_words(parameter) for parameter in parameters},
        settings={name: value for name, value in (record.settings | own).items() if name != DECLARED},
        created=now(),
    )


def remember(session: Session, record: FunctionRecord) -> int:
    """Notes a function that came with a checkpoint as known, once; returns its number."""
    return instances.remember_function(session, function_of(record))


def branch(session: Session, planting: Planting, checkpoint: str, old_header: Header, packed: bytes) -> Move:
    """Adds a branch that goes on from a checkpoint of another instance, and the move that starts it.

    Args:
        session: the transaction.
        planting: where and why.
        checkpoint: the other instance's.
        old_header: of that checkpoint, or of what was made of it.
        packed: the image that belongs to it.

    Raises:
        RefusedError: the name that was wanted is taken.
        UsageError: it cannot be a name.
    """
    assert isinstance(planting.intent, intents.Restore)
    parent = checkpoints.named(session, checkpoint)
    old = instances.find(session, parent.instance)
    assert old is not None, "a checkpoint is of an instance"
    name, number = lineage.next_branch(session, old.trunk)
    if planting.intent.name:
        name = check_name("instance", planting.intent.name)
        if instances.find(session, name) is not None or name in triggers.names(session):
            raise RefusedError(f"there is an instance {name} already")
    header, copy = founding.branch_of(old_header, packed, name, planting.key)
    instance = Instance(
        id=name,
        function=remember(session, header.function),
        settings=header.function.settings,
        trunk=old.trunk,
        branch=number,
        origin=checkpoint,
        muted=not planting.intent.unmute,
        published=header.sequence,
    )
    return _plant(session, planting, instance, header, copy)


def _plant(session: Session, planting: Planting, instance: Instance, header: Header, blob: bytes) -> Move:
    instance.state, instance.since, instance.created = "starting", now(), now()
    instance.newest, instance.epoch, instance.hub = header.checkpoint, 0, ""
    session.add(instance)
    session.flush()
    checkpoints.add(session, row_of(header, blob, sealing.public_bytes(planting.key)), blob)
    kind = "start" if isinstance(planting.intent, intents.Run) else "restore"
    named = bool(planting.intent.hub)
    move = new_move(instance, kind, planting.intent, source="", place=planting.place, named=named)
    move.handover = planting.handover
    session.add(move)
    session.flush()
    return move


def new_move(instance: Instance, kind: str, intent: intents.Intent, *, source: str, place: Place, named: bool) -> Move:
    """Returns a move of an instance that nobody holds; it is not in the store yet."""
    return Move(
        id=founding.new_id(),
        instance=instance.id,
        kind=kind,
        state="released",
        by=intent.by,
        why=intent.why,
        source=source,
        destination=place.hub,
        named=named,
        place="; ".join(filter(None, ("it was named" if getattr(intent, "hub", "") else "", place.why))),
        refused=dict(place.refused),
        epoch=instance.epoch,
        checkpoint=instance.newest,
        tried=[],
        created=now(),
    )


def _in_words(parameter: Parameter) -> str:
    kind = parameter.type or "any"
    return kind if parameter.required else f"{kind} = {parameter.default}"
