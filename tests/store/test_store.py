from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from coordinator.retention import Retention
from coordinator.store import checkpoints, commands, instances, lineage, migration, moves, revision
from coordinator.store.database import Store
from coordinator.store.schema import Base, Checkpoint, Function, Instance, Move
from coordinator.store.trouble import StoreError
from devices.errors import ConfigurationError, FencedError, RefusedError

AT = "2026-01-01T00:00:00Z"


def url(folder: Path) -> str:
    return f"sqlite:///{folder / 'home.sqlite'}"


@pytest.fixture
def store(tmp_path: Path):
    opened = Store.open(url(tmp_path))
    yield opened
    opened.close()


def instance(name: str = "washer", *, epoch: int = 1, hub: str = "hub-a", trunk: str = "", branch: int = 1) -> Instance:
    return Instance(
        id=name,
        function=1,
        trunk=trunk or name,
        branch=branch,
        state="running",
        epoch=epoch,
        hub=hub,
        since=AT,
        created=AT,
    )


def checkpoint(name: str, *, of: str = "washer", parent: str = "", epoch: int = 1, hub: str = "hub-a") -> Checkpoint:
    return Checkpoint(
        id=name, instance=of, parent=parent, epoch=epoch, hub=hub, reason="test", created=AT, size=4, digest=f"d-{name}",
        signer=b"k", engine="python", line="", statement="", frames=[], variables=[], unread=0, outputs=0, sequence=0,
    )  # fmt: skip


def move(name: str = "m1", *, of: str = "washer") -> Move:
    return Move(
        id=name, instance=of, kind="move", state="requested", by="request", why="test", source="hub-a",
        destination="hub-b", epoch=1, created=AT,
    )  # fmt: skip


def populate(session, *rows) -> None:
    session.add(Function(name="washer", digest="x", module="washer", doc="", parameters={}, settings={}, created=AT))
    session.flush()
    for row in rows:
        session.add(row)
        session.flush()


async def test_the_generation_stays_for_one_store_and_differs_between_two(tmp_path):
    generations = []
    for file in ("a.sqlite", "a.sqlite", "b.sqlite"):
        store = Store.open(f"sqlite:///{tmp_path / file}")
        generations.append(store.generation)
        store.close()
    assert generations[0] == generations[1] != generations[2]


async def test_a_commit_is_on_the_disk_when_it_returns(store, tmp_path):
    with sqlite3.connect(tmp_path / "home.sqlite") as probe:
        assert probe.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    probe.close()
    assert await store.write(lambda session: session.connection().exec_driver_sql("PRAGMA synchronous").scalar()) == 2


async def test_migrations_make_exactly_the_models(store, tmp_path):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    engine = create_engine(url(tmp_path))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"target_metadata": Base.metadata})
        assert compare_metadata(context, Base.metadata) == []
    assert revision.revision_of(engine) == revision.NEWEST
    engine.dispose()


def test_the_newest_revision_is_the_one_that_the_code_names():
    from alembic.script import ScriptDirectory

    assert ScriptDirectory.from_config(migration.configuration()).get_current_head() == revision.NEWEST


async def test_a_store_of_the_version_before_is_brought_up_with_what_is_in_it(tmp_path):
    from alembic import command

    engine, config = create_engine(url(tmp_path)), migration.configuration()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        connection.exec_driver_sql(
            "INSERT INTO functions VALUES (1, 'washer', '', '', '', '{}', '{\"failover\": \"never\"}', '')"
        )
        connection.exec_driver_sql(
            "INSERT INTO instances (id, function, trunk, branch, origin, state, wanted, epoch, hub, newest, published, "
            "muted, since, reason, error, moves, created) "
            "VALUES ('washer', 1, 'washer', 1, '', 'running', 'running', 1, 'a', 'c1', 0, 0, '', '', '', 0, '')"
        )
        connection.exec_driver_sql(
            "INSERT INTO checkpoints (id, instance, parent, epoch, hub, reason, created, size, digest, signer, engine, "
            "packages, line, statement, frames, variables, unread, outputs, sequence) "
            "VALUES ('c1', 'washer', '', 1, 'a', '', '', 1, '', x'00', 'python', '{}', '', '', '[]', '[]', 0, 0, 0)"
        )
    engine.dispose()
    store = Store.open(url(tmp_path))
    old = await store.read(checkpoints.find, "c1")
    ((washer, function),) = await store.read(instances.every)
    store.close()
    assert old is not None
    assert (old.instance, old.wait) == ("washer", None)
    assert (washer.settings, instances.settings_of(washer, function)) == (None, {"failover": "never"})
    assert (tmp_path / "home.sqlite.before-upgrade-from-0002").exists()


def test_an_up_to_date_store_opens_without_alembic(tmp_path):
    Store.open(url(tmp_path)).close()
    script = (
        "import sys; from coordinator.store.database import Store;"
        f"Store.open({url(tmp_path)!r}).close(); print('alembic' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "False\n"
    )


def test_a_store_of_a_newer_version_is_refused_and_left_alone(tmp_path):
    Store.open(url(tmp_path)).close()
    with sqlite3.connect(tmp_path / "home.sqlite") as probe:
        probe.execute("UPDATE alembic_version SET version_num = '9999'")
    probe.close()
    with pytest.raises(StoreError, match="newer midstream"):
        Store.open(url(tmp_path))


def test_a_damaged_store_is_refused_by_name(tmp_path):
    (tmp_path / "home.sqlite").write_bytes(b"this is no database at all, and never was one" * 100)
    with pytest.raises(StoreError, match=r"home\.sqlite.*damaged"):
        Store.open(url(tmp_path))


@pytest.mark.parametrize("wrong", ["nonsense", "oracle9://x", "mysql+nothere://x/y"])
def test_an_impossible_url_is_a_configuration_error(wrong):
    with pytest.raises(ConfigurationError):
        Store.open(wrong)


async def test_the_write_ahead_log_is_tidied_beside_the_commits(store, tmp_path):
    await store.write(populate, instance())
    await store.write(checkpoints.commit, checkpoint("c1"), bytes(8_000_000))
    size = (tmp_path / "home.sqlite").stat().st_size
    assert size < 8_000_000
    await store.tidy(Retention(last=20, days=30, size=10**9))
    assert (tmp_path / "home.sqlite").stat().st_size > 8_000_000
    assert await store.read(checkpoints.blob, "c1") == bytes(8_000_000)


async def test_a_transaction_that_raises_leaves_nothing_behind(store):
    def half(session):
        populate(session, instance())
        raise RefusedError("no")

    with pytest.raises(RefusedError):
        await store.write(half)
    assert await store.read(instances.names) == set()


async def test_reading_goes_on_while_a_transaction_writes(store):
    release = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(session):
        populate(session, instance())
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result(30)

    writing = asyncio.create_task(store.write(slow))
    assert await store.read(instances.names) == set()
    release.set()
    await writing
    assert await store.read(instances.names) == {"washer"}


async def test_a_checkpoint_is_committed_once_and_becomes_the_newest(store):
    await store.write(populate, instance())
    assert await store.write(checkpoints.commit, checkpoint("c1"), b"blob")
    assert not await store.write(checkpoints.commit, checkpoint("c1"), b"blob")
    assert (await store.read(instances.find, "washer")).newest == "c1"
    assert await store.read(checkpoints.blob, "c1") == b"blob"


@pytest.mark.parametrize(("epoch", "hub"), [(1, "hub-a"), (3, "hub-b"), (2, "hub-a")])
async def test_a_checkpoint_of_any_epoch_but_the_newest_is_fenced(store, epoch, hub):
    await store.write(populate, instance(epoch=2, hub="hub-b"))
    with pytest.raises(FencedError):
        await store.write(checkpoints.commit, checkpoint("c1", epoch=epoch, hub=hub), b"blob")
    assert (await store.read(instances.find, "washer")).newest == ""


async def test_a_checkpoint_id_is_never_used_for_other_bytes(store):
    await store.write(populate, instance())
    await store.write(checkpoints.commit, checkpoint("c1"), b"blob")
    other = checkpoint("c1")
    other.digest = "another"
    with pytest.raises(RefusedError, match="other bytes"):
        await store.write(checkpoints.commit, other, b"else")


async def test_a_move_advances_only_from_the_state_it_has(store):
    await store.write(populate, instance(), move())
    assert await store.write(moves.advance, move("m1"), "requested", "captured")
    assert not await store.write(moves.advance, move("m1"), "requested", "cancelled")
    assert (await store.read(moves.find, "m1")).state == "captured"


async def test_an_instance_has_one_open_move_at_most(store):
    await store.write(populate, instance())
    await store.write(moves.open_one, move("m1"))
    with pytest.raises(RefusedError, match="being moved already"):
        await store.write(moves.open_one, move("m2"))
    assert await store.write(moves.advance, move("m1"), "requested", "cancelled")
    await store.write(moves.open_one, move("m2"))
    assert [row.id for row in await store.read(moves.unfinished)] == ["m2"]


async def test_a_move_of_an_instance_that_has_been_moved_since_it_was_looked_at_is_refused(store):
    await store.write(populate, instance(epoch=2, hub="hub-b"))
    stale = move("m1")
    stale.epoch = 1
    with pytest.raises(RefusedError, match="washer has been moved meanwhile"):
        await store.write(moves.open_one, stale)
    assert await store.read(moves.unfinished) == []


async def test_a_command_is_kept_until_its_first_answer(store):
    body = {"id": "k1", "instance": "washer", "do": "stop"}
    for _ in range(2):
        await store.write(commands.add, hub="hub-a", move="", body=body, at=AT)
    assert [row.body for row in await store.read(commands.unanswered)] == [body]
    assert await store.write(commands.answered, "k1", "done", AT)
    assert not await store.write(commands.answered, "k1", "done", AT)
    assert await store.read(commands.unanswered) == []


async def test_a_tree_lists_parents_before_children_and_branches_with_it(store):
    await store.write(populate, instance(), checkpoint("c1"), checkpoint("c2", parent="c1"))
    branch = instance("washer~2", trunk="washer", branch=2)
    await store.write(lambda session: session.add(branch))
    await store.write(lambda session: session.add(checkpoint("c3", of="washer~2", parent="c1")))

    def tree(session):
        return [
            (n.checkpoint.id, n.checkpoint.parent, n.branch)
            for n in lineage.tree(session, session.get(Instance, "washer~2"))
        ]

    assert await store.read(tree) == [("c1", "", 1), ("c2", "c1", 1), ("c3", "c1", 2)]


async def test_names_of_branches_and_copies_stay_unique_and_short(store):
    long = "a-name-of-23-characters"
    await store.write(populate, instance(), instance(long), instance("washer~2", trunk="washer", branch=2))
    assert await store.read(lineage.next_branch, "washer") == ("washer~3", 3)
    assert await store.read(lineage.next_branch, long) == ("a-name-of-23-characte~2", 2)
    assert await store.read(lineage.free_name, "washer") == "washer-2"
    assert len(await store.read(lineage.free_name, long)) <= 23


async def test_a_checkpoint_is_found_by_id_by_its_head_and_by_its_instance(store):
    await store.write(populate, instance())
    for name in ("abc1", "abd2"):
        await store.write(checkpoints.commit, checkpoint(name), b"blob")
    for text, found in (("abc1", "abc1"), ("abd", "abd2"), ("washer", "abd2")):
        assert (await store.read(checkpoints.named, text)).id == found
    for text, why in (("ab", "more than one"), ("zz", "no checkpoint"), ("", "no checkpoint"), ("a%", "no checkpoint")):
        with pytest.raises(RefusedError, match=why):
            await store.read(checkpoints.named, text)


async def test_the_chain_of_parents_ends_even_if_it_is_a_ring(store):
    ring = [checkpoint("c1", parent="c2"), checkpoint("c2", parent="c1")]
    await store.write(populate, instance(), *ring)

    def ids(session):
        return [c.id for c in checkpoints.parents(session, checkpoints.find(session, "c1"))]

    assert await store.read(ids) == ["c2"]
