"""The tables, as typed models; their history stands in ``versions/``.

A row is small: blobs have a table of their own, so that a list of checkpoints reads no image. Texts are UTF-8 and
times RFC 3339 in UTC, which sort as text; the types are those that SQLite and PostgreSQL share.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

OPEN_MOVE = "state NOT IN ('done', 'cancelled', 'failed')"


class Base(DeclarativeBase):
    """The one metadata; Alembic compares it with a store in the tests."""


class Meta(Base):
    """Facts about the store itself: ``generation`` is made once and tells one store from another."""

    __tablename__ = "meta"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class Hub(Base):
    """A hub that was seen. Its key is pinned at first contact; ``start`` orders its lives, wills included."""

    __tablename__ = "hubs"

    name: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[bytes] = mapped_column(LargeBinary)
    info: Mapped[dict[str, Any]] = mapped_column(JSON)
    boot: Mapped[str] = mapped_column(default="")
    start: Mapped[int] = mapped_column(default=0)
    first_seen: Mapped[str]
    last_seen: Mapped[str]


class Function(Base):
    """Code that was started at least once: one row for each version of a source."""

    __tablename__ = "functions"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(index=True)
    digest: Mapped[str]
    module: Mapped[str]
    doc: Mapped[str]
    parameters: Mapped[dict[str, Any]] = mapped_column(JSON)
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)
    created: Mapped[str]

    __table_args__ = (UniqueConstraint("name", "digest", name="one_row_for_each_source"),)


class Instance(Base):
    """One execution of a function. ``epoch`` and ``hub`` are the authority of which claims are the signed copy."""

    __tablename__ = "instances"

    id: Mapped[str] = mapped_column(primary_key=True)
    function: Mapped[int] = mapped_column(ForeignKey("functions.number"))
    settings: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # with the defaults of its start
    trunk: Mapped[str] = mapped_column(index=True)  # the instance at the root of the tree; itself for a trunk
    branch: Mapped[int] = mapped_column(default=1)  # 1 for the trunk
    origin: Mapped[str] = mapped_column(default="")  # the checkpoint that a branch started from
    state: Mapped[str]
    resume: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # when suspended: until when
    wanted: Mapped[str] = mapped_column(default="running")  # or suspended, parked, stopped: what a person asked for
    epoch: Mapped[int] = mapped_column(default=0)
    hub: Mapped[str] = mapped_column(default="")
    claim: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    newest: Mapped[str] = mapped_column(default="")  # the newest durable checkpoint
    published: Mapped[int] = mapped_column(default=0)  # outputs up to this sequence are known to have left
    muted: Mapped[bool] = mapped_column(default=False)
    since: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    result: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    error: Mapped[str] = mapped_column(default="")
    moves: Mapped[int] = mapped_column(default=0)
    trigger: Mapped[str] = mapped_column(default="", server_default="", index=True)  # that started it as a run
    created: Mapped[str]

    __table_args__ = (UniqueConstraint("trunk", "branch", name="one_instance_for_each_branch"),)


class Trigger(Base):
    """A function that something starts, each time as an instance of its own. ``due`` and ``fired``: seconds since 1970."""

    __tablename__ = "triggers"

    name: Mapped[str] = mapped_column(primary_key=True)
    function: Mapped[int] = mapped_column(ForeignKey("functions.number"))
    files: Mapped[dict[str, str]] = mapped_column(JSON)  # by relative path, the main one first
    arguments: Mapped[dict[str, Any]] = mapped_column(JSON)
    hub: Mapped[str] = mapped_column(default="")  # where its runs are to be; empty: placement decides
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str]  # active, suspended or stopped
    anchor: Mapped[float] = mapped_column(default=0.0)  # of a rhythm
    due: Mapped[float] = mapped_column(default=0.0)  # 0: no time starts it
    fired: Mapped[float] = mapped_column(default=0.0)  # the last time that was due
    started: Mapped[int] = mapped_column(default=0)  # runs so far
    failed: Mapped[int] = mapped_column(default=0)
    ignored: Mapped[int] = mapped_column(default=0)  # starts that its mode left out
    dropped: Mapped[int] = mapped_column(default=0)  # starts for which there was no room
    missed: Mapped[int] = mapped_column(default=0)  # times at which the coordinator was not there
    note: Mapped[str] = mapped_column(default="")  # what became of those, in words
    since: Mapped[str]
    created: Mapped[str]


class Run(Base):
    """One start of a trigger: from the message or the time, which it is kept for, to the end of its instance.

    ``number`` is the order in which they came. The payload is forgotten when the run has ended.
    """

    __tablename__ = "runs"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    trigger: Mapped[str] = mapped_column(ForeignKey("triggers.name"))
    state: Mapped[str]  # waiting, running or ended
    at: Mapped[float]  # seconds since 1970
    topic: Mapped[str] = mapped_column(default="")  # empty: a time started it
    payload: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
    qos: Mapped[int] = mapped_column(default=0)
    params: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    instance: Mapped[str] = mapped_column(default="", index=True)

    __table_args__ = (Index("runs_of_a_trigger", "trigger", "state"),)


class Heard(Base):
    """By what a message that came for triggers is known when it comes again (`docs/protocol.md`, rule 11)."""

    __tablename__ = "heard"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    packet: Mapped[int]
    digest: Mapped[bytes] = mapped_column(LargeBinary)


class Checkpoint(Base):
    """A durable checkpoint's place in the lineage. ``number`` is the order of commits."""

    __tablename__ = "checkpoints"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(unique=True)
    instance: Mapped[str] = mapped_column(ForeignKey("instances.id"), index=True)
    parent: Mapped[str] = mapped_column(default="")
    epoch: Mapped[int]
    hub: Mapped[str]
    reason: Mapped[str]
    created: Mapped[str]
    size: Mapped[int]  # bytes
    digest: Mapped[str]  # SHA-256 of the blob, hexadecimal
    signer: Mapped[bytes] = mapped_column(LargeBinary)  # the public key that fits
    engine: Mapped[str]
    packages: Mapped[dict[str, str]] = mapped_column(JSON, default=dict, server_default="{}")
    line: Mapped[str]
    statement: Mapped[str]
    frames: Mapped[list[str]] = mapped_column(JSON)
    variables: Mapped[list[Any]] = mapped_column(JSON)  # frame, name, type, size: no values
    unread: Mapped[int]
    outputs: Mapped[int]
    sequence: Mapped[int]
    wait: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # `devices.protocol.waits`


class Blob(Base):
    """A checkpoint's bytes; gone when retention has thinned them out, while the lineage stays."""

    __tablename__ = "blobs"

    checkpoint: Mapped[str] = mapped_column(ForeignKey("checkpoints.id"), primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class Pin(Base):
    """A checkpoint whose blob is kept whatever retention says."""

    __tablename__ = "pins"

    checkpoint: Mapped[str] = mapped_column(ForeignKey("checkpoints.id"), primary_key=True)
    why: Mapped[str]
    at: Mapped[str]


class Event(Base):
    """What happened and what was done; ``body`` is the message that was published."""

    __tablename__ = "events"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(unique=True)
    at: Mapped[str]
    rule: Mapped[str] = mapped_column(index=True)
    instance: Mapped[str] = mapped_column(index=True)
    hub: Mapped[str]
    body: Mapped[dict[str, Any]] = mapped_column(JSON)


class Move(Base):
    """One change of place: a start, a move, a resumption, a failover, a fallback are the same row.

    At most one is open for an instance, which the index holds. ``epoch`` is the one that the move ends; ``claimed``
    the one it made, 0 before.
    """

    __tablename__ = "moves"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(unique=True)
    instance: Mapped[str] = mapped_column(ForeignKey("instances.id"), index=True)
    kind: Mapped[str]
    state: Mapped[str]
    by: Mapped[str]
    why: Mapped[str]
    source: Mapped[str]  # empty where nothing holds the instance
    destination: Mapped[str]
    named: Mapped[bool] = mapped_column(default=False)  # the destination was named, not chosen
    place: Mapped[str] = mapped_column(default="", server_default="")  # why there, in words
    refused: Mapped[dict[str, str]] = mapped_column(JSON, default=dict, server_default="{}")  # hub => why not there
    handover: Mapped[str] = mapped_column(default="takeover")
    epoch: Mapped[int]
    claimed: Mapped[int] = mapped_column(default=0)
    checkpoint: Mapped[str] = mapped_column(default="")
    late_mail: Mapped[bool] = mapped_column(default=False)  # a source that lives will send a late list
    tried: Mapped[list[str]] = mapped_column(JSON, default=list)  # "<checkpoint> <hub>" that did not work
    phases: Mapped[dict[str, float]] = mapped_column(JSON, default=dict)
    downtime_ms: Mapped[float] = mapped_column(default=0.0)
    failure: Mapped[str] = mapped_column(default="")
    created: Mapped[str]
    ended: Mapped[str] = mapped_column(default="")

    __table_args__ = (
        Index(
            "one_open_move_for_each_instance",
            "instance",
            unique=True,
            sqlite_where=text(OPEN_MOVE),
            postgresql_where=text(OPEN_MOVE),
        ),
    )


class Suspension(Base):
    """An instance that a rule has suspended because of a subject, in ``epoch``, and will resume by itself."""

    __tablename__ = "suspensions"

    instance: Mapped[str] = mapped_column(ForeignKey("instances.id"), primary_key=True)
    rule: Mapped[str]
    subject: Mapped[str]
    epoch: Mapped[int]
    at: Mapped[str]


class Command(Base):
    """A command that must reach its hub: written with the decision that it carries out, sent until it is answered."""

    __tablename__ = "commands"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(unique=True)
    hub: Mapped[str]
    instance: Mapped[str] = mapped_column(index=True)
    move: Mapped[str] = mapped_column(default="")
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    created: Mapped[str]
    answered: Mapped[str] = mapped_column(default="", index=True)
    answer: Mapped[str] = mapped_column(default="")  # "done", or the error's sentence


class Deployment(Base):
    """A permission package that was made for a hub. ``bundle`` is the site that it says; empty once it is let go of."""

    __tablename__ = "deployments"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    hub: Mapped[str]
    version: Mapped[int]
    bundle: Mapped[bytes] = mapped_column(LargeBinary)
    names: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")  # of its tasks
    tasks: Mapped[int]
    resources: Mapped[int]
    size: Mapped[int]  # bytes of its contents
    created: Mapped[str]
    state: Mapped[str]  # "under way", "deployed", "failed"
    note: Mapped[str] = mapped_column(default="")
    error: Mapped[str] = mapped_column(default="")

    __table_args__ = (UniqueConstraint("hub", "version", name="one_package_for_each_version"),)


class PackagePart(Base):
    """At most 256 KiB of what is in packages, by its SHA-256 in hexadecimal: equal ones are kept once."""

    __tablename__ = "package_parts"

    name: Mapped[str] = mapped_column(primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)
