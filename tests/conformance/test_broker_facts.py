"""What Midstream's protocol leans on, on every broker that it runs with. `docs/protocol.md` says where each is needed."""

import asyncio
import contextlib
import socket

import pytest

from devices.mqtt.delivery import Will
from devices.mqtt.kind import BrokerKind, probe
from devices.mqtt.opening import PreparedConnection
from devices.mqtt.reasons import TAKEN_OVER, ConnectionLostError
from devices.mqtt.session import Session, end_session
from devices.testing.broker import DEADLINE, RawPublisher, Tap, publish_raw


@contextlib.asynccontextmanager
async def session(broker, name, **settings):
    """A session with manual acknowledgements that leaves no trace on the broker."""
    async with asyncio.timeout(DEADLINE * 2):
        async with Session(broker.address, name, manual_ack=True, **settings) as opened:
            yield opened
        await end_session(broker.address, name)


async def take(opened, count):
    """The next deliveries."""
    async with asyncio.timeout(DEADLINE):
        return [await opened.next_delivery() for _ in range(count)]


async def nothing_else_comes(opened, name):
    """Nothing that was published before now reaches the session."""
    await opened.subscribe({f"{name}-mark": 1})
    await opened.publish(f"{name}-mark", b"")
    [delivery] = await take(opened, 1)
    assert delivery.topic == f"{name}-mark"
    opened.acknowledge(delivery)


def numbers(deliveries):
    return [int(delivery.payload) for delivery in deliveries]


async def rest_of(opened):
    """All deliveries until the connection's end, and the loss that ended it."""
    came = []
    async with asyncio.timeout(DEADLINE):
        try:
            async for delivery in opened.deliveries():
                came.append(delivery)  # noqa: PERF401 - what came before the loss counts
        except ConnectionLostError as loss:
            return came, loss
    return came, None


async def fifty_unread(broker, name, opened):
    """Has fifty messages wait in the kernel for a session that does not read."""
    await opened.subscribe({f"{name}/#": 0})
    await opened.flush()
    opened.pause_reading()
    with RawPublisher(broker.address) as device:
        for number in range(50):
            device.publish(f"{name}/x", str(number), qos=0)
    async with asyncio.timeout(DEADLINE):
        while not in_the_kernel(opened).endswith(b"49"):  # noqa: ASYNC110 - the kernel tells nobody
            await asyncio.sleep(0.005)
    assert opened.waiting == 0


def in_the_kernel(opened):
    """What the kernel holds for a session, left there."""
    try:
        return opened._connection._wire._sock.recv(65536, socket.MSG_PEEK)
    except BlockingIOError:
        return b""


async def away_with(broker, name, filters):
    """Leaves a session with subscriptions behind."""
    async with Session(broker.address, name) as opened:
        await opened.subscribe(filters)


async def test_probe_tells_the_kind(broker, name):
    async with session(broker, name) as opened:
        assert await probe(opened) is BrokerKind(broker.kind)


async def test_a_new_session_is_told_apart_from_a_kept_one(broker, name):
    async with Session(broker.address, name) as first:
        assert not first.session_present
    async with session(broker, name) as second:
        assert second.session_present


async def test_an_ended_session_leaves_no_queue_and_no_subscription(broker, name):
    async with Session(broker.address, name) as first:
        await first.subscribe({f"{name}/#": 1})
        await first.end()
    publish_raw(broker.address, f"{name}/x", "1", qos=1)
    async with session(broker, name) as second:
        assert not second.session_present
        await nothing_else_comes(second, name)


async def test_what_waited_follows_the_client_id_in_order(broker, name):
    await away_with(broker, name, {f"{name}/#": 1})
    with RawPublisher(broker.address) as device:
        for number in range(300):
            device.publish(f"{name}/x", str(number), qos=1)
    async with session(broker, name) as opened:
        assert opened.session_present
        came = []
        for _ in range(300):
            [delivery] = await take(opened, 1)
            opened.acknowledge(delivery)
            came.append(delivery)
        assert numbers(came) == list(range(300))


async def test_qos_0_waits_only_where_the_broker_raises_it(broker, name):
    await away_with(broker, name, {f"{name}/#": 1})
    with RawPublisher(broker.address) as device:
        device.publish(f"{name}/x", "0", qos=0)
        device.publish(f"{name}/x", "1", qos=1)
    async with session(broker, name) as opened:
        if broker.config == "stock":
            assert numbers(await take(opened, 1)) == [1]
        else:
            came = await take(opened, 2)
            assert numbers(came) == [0, 1]
            assert [delivery.qos for delivery in came] == [1, 1]


async def test_the_connack_tells_how_many_may_be_unacknowledged(broker, name):
    window = {"mosquitto-home": 200, "mosquitto-stock": 20, "embedded-home": 65535}
    async with session(broker, name) as opened:
        assert opened.limits.receive_maximum == window[f"{broker.kind}-{broker.config}"]


async def test_receive_maximum_holds_the_first_window_on_mosquitto_only(broker, name):
    await away_with(broker, name, {f"{name}/#": 1})
    with RawPublisher(broker.address) as device:
        for number in range(15):
            device.publish(f"{name}/x", str(number), qos=1)
    async with session(broker, name, receive_maximum=5) as opened:
        if broker.kind == "embedded":
            assert numbers(await take(opened, 15)) == list(range(15))
        else:
            assert numbers(await take(opened, 5)) == list(range(5))
            await opened.flush()
            assert opened.waiting == 0


async def test_acknowledged_messages_do_not_come_again_after_leaving(broker, name):
    """The embedded broker's hand-over: acknowledge, DISCONNECT, confirmed by the broker's closing; then connect."""
    for begin in range(0, 200, 50):
        if begin == 0:
            await away_with(broker, name, {f"{name}/#": 1})
        with RawPublisher(broker.address) as device:
            for number in range(begin, begin + 50):
                device.publish(f"{name}/x", str(number), qos=1)
        async with Session(broker.address, name, manual_ack=True) as opened:
            for number in range(begin, begin + 50):
                [delivery] = await take(opened, 1)
                assert int(delivery.payload) == number
                opened.acknowledge(delivery)
    async with session(broker, name) as opened:
        await nothing_else_comes(opened, name)


async def test_a_takeover_ends_the_holder_and_brings_the_unacknowledged_again(broker, name):
    async with Session(broker.address, name, manual_ack=True) as old:
        await old.subscribe({f"{name}/#": 1})
        with RawPublisher(broker.address) as device:
            for number in range(10):
                device.publish(f"{name}/x", str(number), qos=1)
        first = await take(old, 10)
        async with session(broker, name) as new:
            late, loss = await rest_of(old)
            assert late == []
            assert loss is not None
            assert loss.code in (TAKEN_OVER, None)
            assert new.session_present
            again = await take(new, 10)
            assert numbers(again) == numbers(first)
            if broker.kind == "mosquitto":
                assert [delivery.packet_id for delivery in again] == [delivery.packet_id for delivery in first]
                assert all(delivery.duplicate for delivery in again)
            else:
                assert not any(delivery.duplicate for delivery in again)


async def test_what_came_before_a_takeover_is_delivered_before_the_loss(broker, name):
    async with Session(broker.address, name, manual_ack=True) as old:
        await fifty_unread(broker, name, old)
        async with session(broker, name):
            old.resume_reading()
            late, loss = await rest_of(old)
            assert loss is not None
            assert numbers(late) == list(range(50))


async def test_a_failed_write_does_not_hide_what_came_before_the_end(broker, name):
    async with Session(broker.address, name, manual_ack=True) as old:
        await fifty_unread(broker, name, old)
        async with session(broker, name):
            async with asyncio.timeout(DEADLINE):
                while not old.lost.is_set():  # the kernel tells of the broken connection at the second write or later
                    answer = old.publish_nowait(f"{name}-other", b"")
                    await asyncio.sleep(0)
            with pytest.raises(ConnectionLostError):
                await answer
            late, _ = await rest_of(old)
            assert numbers(late) == list(range(50))


async def test_what_came_before_our_own_leaving_is_still_delivered(broker, name):
    async with Session(broker.address, name, clean_start=True, session_expiry=0) as opened:
        await fifty_unread(broker, name, opened)
    late, loss = await rest_of(opened)
    assert numbers(late) == list(range(50))
    assert loss is None
    await end_session(broker.address, name)


async def test_a_takeover_publishes_no_will(broker, name):
    with Tap(broker.address, f"{name}/#") as tap:
        will = Will(f"{name}/status", b"gone", retain=False)
        async with Session(broker.address, name, will=will) as old, Session(broker.address, name, will=will):
            await asyncio.wait_for(old.lost.wait(), DEADLINE)
        publish_raw(broker.address, f"{name}/last", "")
        heard = tap.wait(lambda heard: any(h.topic == f"{name}/last" for h in heard))
        assert [h.topic for h in heard] == [f"{name}/last"]
    await end_session(broker.address, name)


async def test_a_crash_publishes_the_will_and_an_orderly_end_does_not(broker, name):
    with Tap(broker.address, f"{name}/#") as tap:
        async with Session(broker.address, name, will=Will(f"{name}/status", b"left", retain=False)):
            pass
        async with Session(broker.address, name, will=Will(f"{name}/status", b"crashed", retain=False)) as opened:
            opened.abort()
            heard = tap.wait(lambda heard: heard)
        assert [h.payload for h in heard] == [b"crashed"]
    await end_session(broker.address, name)


async def test_a_kept_message_comes_once_and_flagged(broker, name):
    publish_raw(broker.address, f"{name}/x", "kept", qos=1, retain=True)
    async with session(broker, name) as opened:
        await opened.subscribe({f"{name}/#": 1}, retain_handling=1)
        [delivery] = await take(opened, 1)
        assert (delivery.payload, delivery.retain) == (b"kept", True)
        opened.acknowledge(delivery)
        await opened.subscribe({f"{name}/#": 1}, retain_handling=1)
        publish_raw(broker.address, f"{name}/x", "live", qos=1)
        [delivery] = await take(opened, 1)
        assert (delivery.payload, delivery.retain) == (b"live", False)
        opened.acknowledge(delivery)
    publish_raw(broker.address, f"{name}/x", "", qos=1, retain=True)


async def test_properties_arrive_as_they_were_sent(broker, name):
    async with session(broker, name) as opened:
        await opened.subscribe({f"{name}/#": 1}, identifier=7)
        await opened.publish(
            f"{name}/x",
            b"\x00\xff",
            user_properties=[("a", "1"), ("a", "2"), ("ü", "")],
            response_topic=f"{name}/answer",
            correlation=b"\x00\x01",
            expiry=60,
            content_type="application/cbor",
        )
        [delivery] = await take(opened, 1)
        assert delivery.payload == b"\x00\xff"
        assert delivery.user_properties == (("a", "1"), ("a", "2"), ("ü", ""))
        assert delivery.response_topic == f"{name}/answer"
        assert delivery.correlation == b"\x00\x01"
        assert delivery.content_type == "application/cbor"
        assert delivery.expiry is not None
        assert 50 < delivery.expiry <= 60
        assert delivery.subscription_ids == (7,)
        opened.acknowledge(delivery)


async def test_a_blob_part_and_a_large_packet_pass(broker, name):
    async with session(broker, name) as opened:
        await opened.subscribe({f"{name}/#": 0})
        largest = (opened.limits.maximum_packet or 16_001_000) - 1000  # a stock Mosquitto 2.1 takes two million bytes
        for size in (256 * 1024, min(largest, 16_000_000)):
            await opened.publish(f"{name}/x", bytes(size))
            [delivery] = await take(opened, 1)
            assert len(delivery.payload) == size
            if delivery.qos:
                opened.acknowledge(delivery)


async def test_a_subscription_that_does_not_exist_can_be_ended(broker, name):
    async with session(broker, name) as opened:
        await opened.subscribe({f"{name}/a": 1, f"{name}/b": 1})
        await opened.unsubscribe(f"{name}/never", f"{name}/a", f"{name}/b")
        await opened.publish(f"{name}/a", b"")
        await nothing_else_comes(opened, name)


async def test_a_prepared_connection_becomes_a_session(broker, name):
    prepared = await PreparedConnection.open(broker.address)
    async with session(broker, name, prepared=prepared) as opened:
        await opened.publish(f"{name}/x", b"")
    assert prepared.take() is None


async def test_many_sessions_of_functions_run_beside_each_other(broker, name):
    async with contextlib.AsyncExitStack() as stack:
        names = [f"{name[:15]}-{number}~{number}" for number in range(20)]
        opened = [await stack.enter_async_context(session(broker, one)) for one in names]
        for one, each in zip(names, opened, strict=True):
            await each.subscribe({f"{name}/{one}": 1})
        await asyncio.gather(
            *(each.publish(f"{name}/{one}", one.encode()) for one, each in zip(names, opened, strict=True))
        )
        for one, each in zip(names, opened, strict=True):
            [delivery] = await take(each, 1)
            assert delivery.payload == one.encode()
            each.acknowledge(delivery)
