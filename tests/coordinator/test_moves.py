"""Moves over a real broker with hubs that answer by the book, or fail as each test says."""

from __future__ import annotations

import asyncio
import base64

import msgspec
import pytest
from coordinator_house import hubs_online, measured
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from scripted_hub import TOPICS, Copy, dies_with

from devices.errors import MidstreamError, RefusedError
from devices.protocol import checkpoint as blobs
from devices.protocol import claims, commands, messages
from devices.protocol.messages import PHASES, MoveReport


async def report(asker, state="done"):
    topic = TOPICS.instance("washer", "move")

    def found():
        payload = asker.kept.get(topic)
        told = messages.decode(payload, MoveReport, topic) if payload else None
        return told if told and told.state == state else None

    return await asker.until(found)


@pytest.mark.parametrize("house", ["mosquitto", "embedded"], indirect=True)
async def test_a_move_passes_all_states_and_tells_what_travelled(house, asker, washer):
    a, b = washer
    moved = await asker.ask("migrate", instance="washer", hub="hub-b")
    assert (moved.source, moved.destination, moved.epoch) == ("hub-a", "hub-b", 2)
    assert (moved.line, moved.variables) == ("washer.py:7", ["highest: float"])
    assert set(moved.phases) <= set(PHASES)
    assert moved.downtime_ms >= sum(ms for phase, ms in moved.phases.items() if phase not in ("spool", "freeze")) - 0.1
    assert b.copies["washer"].epoch == 2
    await a.until(lambda: "washer" not in a.copies)
    (row,) = await asker.ask("ps")
    assert (row.hub, row.state, row.epoch, row.moves) == ("hub-b", "running", 2, 1)
    assert asker.told("moved washer from hub-a to hub-b")
    told = await report(asker)
    assert (told.checkpoint, told.downtime_ms, told.bytes) == (moved.checkpoint, moved.downtime_ms, moved.bytes)


async def test_twenty_moves_back_and_forth_leave_one_chain_of_checkpoints(house, asker, washer):
    for number in range(20):
        moved = await asker.ask("migrate", instance="washer")
        assert moved.destination == ("hub-b", "hub-a")[number % 2]
    rows = await asker.ask("lineage", instance="washer")
    assert len(rows) == 21
    assert [row.parent for row in rows] == ["", *(row.checkpoint for row in rows[:-1])]
    assert [row.epoch for row in rows] == list(range(21))


async def test_a_state_of_many_parts_travels_whole(house, asker, washer):
    a, b = washer
    a.size = 5_000_000
    moved = await asker.ask("migrate", instance="washer")
    assert moved.bytes > 5_000_000
    assert b.copies["washer"].blob == a.copies.get("washer", b.copies["washer"]).blob


@pytest.mark.parametrize("house", ["mosquitto", "embedded"], indirect=True)
async def test_late_mail_reaches_the_destination_in_order(house, asker, washer):
    a, b = washer
    mail = [
        commands.LateMessage(topic="t", payload=base64.b64encode(b"%d" % n).decode(), qos=0, retain=False, at="")
        for n in range(3)
    ]
    a.lateness["washer"] = mail
    await asker.ask("migrate", instance="washer")
    (late,) = b.late["washer"]
    assert (late.epoch, late.index, late.total, late.messages) == (2, 0, 1, mail)


async def test_late_mail_that_never_comes_is_closed_and_told(house, asker, washer):
    a, b = washer

    async def dies(hub, _):
        await hub.crash()

    a.behaviour["fenced"] = dies
    await asker.ask("migrate", instance="washer")
    (late,) = b.late["washer"]
    assert (late.index, late.total, late.messages) == (0, 1, [])
    assert asker.told("messages at QoS 0 that came during the move may be missing")


async def test_a_destination_that_fails_gives_the_function_back_to_its_source(house, asker, washer):
    a, b = washer

    async def fails(hub, command):
        hub.fail(command, "the worker died: signal 9")

    b.behaviour["restore"] = fails
    moved = await asker.ask("migrate", instance="washer", hub="hub-b")
    assert (moved.destination, moved.epoch) == ("hub-a", 3)
    assert a.copies["washer"].epoch == 3
    (event,) = asker.told("could not go on at hub-b")
    assert "signal 9" in event.why
    assert "goes on at hub-a" in event.did


async def test_a_destination_that_placement_chose_and_that_fails_leads_to_the_next_best_and_then_to_the_source(
    house, asker, washer
):
    a, b = washer
    c = await house.hub("hub-c")
    await hubs_online(asker, 3)
    await measured(asker, c, cpu=50.0)

    async def fails(hub, command):
        hub.fail(command, f"{hub.name} has no memory")

    b.behaviour["restore"] = fails
    moved = await asker.ask("migrate", instance="washer")
    assert (moved.destination, moved.epoch) == ("hub-c", 3)
    a.behaviour["restore"] = fails
    moved = await asker.ask("migrate", instance="washer")
    assert (moved.destination, moved.epoch) == ("hub-c", 6)  # hub-a and hub-b have failed: back to its source
    assert c.copies["washer"].epoch == 6
    (row,) = await asker.ask("ps")
    assert (row.hub, row.state) == ("hub-c", "running")


async def test_a_destination_that_dies_after_the_claim_gives_it_back_too(house, asker, washer):
    a, b = washer

    async def dies(hub, _):
        await hub.crash()

    b.behaviour["restore"] = dies
    moved = await asker.ask("migrate", instance="washer", hub="hub-b")
    assert (moved.destination, moved.epoch, a.copies["washer"].epoch) == ("hub-a", 3, 3)


async def test_what_a_destination_had_stored_before_it_died_unheard_is_gone_on_from(house, asker, washer):
    a, b = washer

    async def runs_stores_and_dies(hub, command):
        blob = await hub.blob(command)
        hub.copies[command.instance] = Copy(blobs.decode_header(blob)[0], blob, command.epoch)
        stored.append(hub.capture(command.instance).checkpoint)  # and what it covers is acknowledged
        await hub.until(lambda: any(it.checkpoint == stored[0] for it in hub.got(commands.Stored)))
        await hub.crash()

    stored = []
    b.behaviour["restore"] = runs_stores_and_dies
    moved = await asker.ask("migrate", instance="washer", hub="hub-b")
    assert (moved.destination, moved.epoch) == ("hub-a", 3)
    assert a.copies["washer"].header.checkpoint == stored[0]


@pytest.mark.parametrize("version", ["of before", "of now"])
async def test_what_restores_nowhere_falls_back_to_its_parent_muted_only_if_messages_are_lost(
    house, asker, washer, version
):
    a, b = washer
    good = (await asker.ask("checkpoint", instance="washer")).checkpoint
    refused = []
    if version == "of before":
        copy = a.copies["washer"]
        mailbox = msgspec.structs.replace(copy.header.mailbox, arrivals=5)
        copy.header = msgspec.structs.replace(copy.header, consumed=None, mailbox=mailbox)

    async def only_the_parent(hub, command):
        header, _ = blobs.decode_header(await hub.blob(command))
        if good in (header.checkpoint, header.parent) and header.hub == "coordinator":
            await type(hub).do_restore(hub, command)
        else:
            refused.append((hub.name, command.checkpoint))
            hub.fail(command, "the image cannot be decoded")

    a.behaviour["restore"] = b.behaviour["restore"] = only_the_parent
    moved = await asker.ask("migrate", instance="washer", hub="hub-b")
    assert {hub for hub, _ in refused} == {"hub-a", "hub-b"}
    nodes = {node.checkpoint: node for node in await asker.ask("lineage", instance="washer")}
    assert nodes[moved.checkpoint].parent == good
    assert len({checkpoint for _, checkpoint in refused}) == 1
    (row,) = await asker.ask("ps")
    assert row.muted == (version == "of before")
    assert asker.told(f"older checkpoint {good}; messages received since are put back: 0")
    if not row.muted:
        return
    assert asker.told("up to 5 more are lost")
    await asker.until(lambda: any("--unmute" in sentence for sentence in asker.status().attention))


async def test_nothing_that_works_anywhere_ends_as_failed_with_its_lineage_kept(house, asker, washer):
    async def fails(hub, command):
        hub.fail(command, "no")

    for hub in washer:
        hub.behaviour["restore"] = fails
    with pytest.raises(MidstreamError, match="runs nowhere"):
        await asker.ask("migrate", instance="washer", hub="hub-b")
    (row,) = await asker.ask("ps", instance="washer")
    assert row.state == "failed"
    assert len(await asker.ask("lineage", instance="washer")) == 3  # the first, that of the move, the first once more
    await report(asker, "failed")


async def test_a_function_that_no_hub_can_take_waits_for_one_to_come_back(house, asker, washer):
    a, b = washer

    b.behaviour["restore"] = dies_with(a)
    asking = asyncio.create_task(asker.ask("migrate", instance="washer", hub="hub-b"))
    await asker.until(lambda: asker.told("waits for a hub"))
    with pytest.raises(RefusedError, match="runs nowhere now: it waits for a hub"):
        await asker.ask("checkpoint", instance="washer")
    back = await house.hub("hub-a", start=2, key=a.key)
    assert (await asking).destination == "hub-a"
    assert back.copies["washer"].epoch == 3


@pytest.mark.parametrize("kind", ["prepare", "capture"])
async def test_a_move_that_fails_before_the_commit_point_leaves_the_function_where_it_is(house, asker, washer, kind):
    a, b = washer

    async def fails(hub, command):
        hub.fail(command, "line 7: sock = socket(): an open socket cannot travel")

    (b if kind == "prepare" else a).behaviour[kind] = fails
    with pytest.raises(RefusedError, match=r"stays on hub-a.*cannot travel"):
        await asker.ask("migrate", instance="washer", hub="hub-b")
    (row,) = await asker.ask("ps")
    assert (row.hub, row.state, row.epoch) == ("hub-a", "running", 1)
    await a.until(lambda: a.got(commands.GoOn))
    await b.until(lambda: b.got(commands.GoOn))
    (event,) = asker.told("washer stays on hub-a")
    assert "cannot travel" in event.why


async def test_a_destination_that_was_not_named_is_replaced_by_the_next_best(house, asker, washer):
    _, b = washer
    c = await house.hub("hub-c", labels=[])
    await hubs_online(asker, 3)

    async def fails(hub, command):
        hub.fail(command, "no memory")

    b.behaviour["prepare"] = fails
    c.measure(cpu=90.0)
    moved = await asker.ask("migrate", instance="washer")
    assert moved.destination == "hub-c"


@pytest.mark.parametrize("spoil", ["cut", "altered", "signature", "instance"])
async def test_a_spoilt_checkpoint_is_refused_and_the_function_goes_on_at_its_source(house, asker, washer, spoil):
    a, _ = washer

    async def captures(hub, command):
        copy = hub.copies["washer"]
        copy.state, copy.move = "held", command.move
        if spoil == "signature":
            own, hub.key = hub.key, Ed25519PrivateKey.generate()
            hub.capture("washer", command)
            hub.key = own
        elif spoil == "instance":
            copy.header = msgspec.structs.replace(copy.header, instance="dryer")
            hub.capture("washer", command)
        else:
            send = hub.send_up
            hub.send_up = lambda name, blob: send(
                name, blob[:-1] if spoil == "cut" else blob[:-1] + bytes([blob[-1] ^ 1])
            )
            hub.capture("washer", command)

    a.behaviour["capture"] = captures
    with pytest.raises(RefusedError, match="stays on hub-a"):
        await asker.ask("migrate", instance="washer", hub="hub-b")
    assert len(await asker.ask("lineage", instance="washer")) == 1
    await a.until(lambda: a.copies["washer"].state == "running")


async def test_there_is_no_other_hub_and_the_event_says_why(house, asker):
    await house.hub("hub-a")
    await hubs_online(asker, 1)
    await house.hub("hub-c", engines=["other"])
    await hubs_online(asker, 2)
    from coordinator_house import WASHER

    await asker.ask("run", files={"washer.py": WASHER})
    with pytest.raises(RefusedError, match=r"no other hub to move to: hub-c has no engine 'python'"):
        await asker.ask("migrate", instance="washer")
    (row,) = await asker.ask("ps")
    assert (row.state, row.hub) == ("running", "hub-a")
    await asker.until(lambda: asker.told("washer stays on hub-a"))


async def test_a_dead_source_is_moved_from_its_newest_durable_checkpoint(house, asker, washer):
    a, b = washer
    taken = await asker.ask("checkpoint", instance="washer")
    await a.crash()
    await asker.until(lambda: asker.status().hubs == "1/2")
    moved = await asker.ask("migrate", instance="washer")
    assert (moved.source, moved.destination, moved.epoch) == ("hub-a", "hub-b", 2)
    assert moved.checkpoint == b.copies["washer"].header.checkpoint == taken.checkpoint
    back = await house.hub("hub-a", start=2, key=a.key)
    await back.until(lambda: back.got(commands.Fenced))
    assert back.got(commands.Fenced)[0].hub == "hub-b"


async def test_a_source_that_dies_while_it_holds_the_function_does_not_hold_up_the_move(house, asker, washer):
    a, b = washer

    async def dies(hub, _):
        await hub.crash()

    a.behaviour["stored"] = dies
    moved = await asker.ask("migrate", instance="washer", hub="hub-b")
    assert (moved.destination, moved.epoch) == ("hub-b", 2)
    assert not b.got(commands.Restore)[0].late_mail
    assert asker.told("went away while it held washer")


async def test_a_second_move_of_the_same_instance_waits_for_the_first(house, asker, washer):
    first, second = await asyncio.gather(
        asker.ask("migrate", instance="washer", hub="hub-b"),
        asker.ask("migrate", instance="washer", hub="hub-a"),
        return_exceptions=True,
    )
    outcomes = {outcome.destination for outcome in (first, second) if not isinstance(outcome, Exception)}
    assert "hub-b" in outcomes


async def test_the_claim_is_on_the_broker_before_the_restore_and_signed(house, asker, washer):
    _, b = washer
    await asker.ask("migrate", instance="washer", hub="hub-b")
    claim = messages.decode(asker.kept[TOPICS.instance("washer", "claim")], messages.Claim, "claim")
    body = claims.read(claim, bytes.fromhex(asker.status().key))
    (restore,) = b.got(commands.Restore)
    assert (body.epoch, body.hub, body.digest.hex()) == (2, "hub-b", restore.digest)
    assert claim == restore.claim


async def test_a_command_is_repeated_under_its_id_until_it_is_answered(house, asker, washer):
    _, b = washer
    seen = []

    async def deaf_at_first(hub, command):
        seen.append(command.id)
        hub.commands.remove(command)
        if len(seen) > 1:
            await type(hub).do_restore(hub, command)

    b.behaviour["restore"] = deaf_at_first
    await asker.ask("migrate", instance="washer", hub="hub-b")
    assert len(seen) == 2
    assert len(set(seen)) == 1
