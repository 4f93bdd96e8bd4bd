"""What a session promises to its caller, beyond what the conformance suite asks of brokers."""

import asyncio
import contextlib
import os
import signal
import socket
import threading

import pytest

from devices.mqtt.address import BrokerAddress
from devices.mqtt.opening import PreparedConnection
from devices.mqtt.reasons import ConnectionLostError
from devices.mqtt.session import Session, end_session
from devices.testing.broker import DEADLINE, RawPublisher, publish_raw, running_broker

CONNACK = b"\x20\x03\x00\x00\x00"


@contextlib.asynccontextmanager
async def fleeting(broker, name="fleeting", **settings):
    async with asyncio.timeout(DEADLINE), Session(broker.address, name, clean_start=True, **settings) as session:
        yield session
    await end_session(broker.address, name)


async def test_a_cancelled_reader_loses_nothing(plain):
    async with fleeting(plain) as session:
        await session.subscribe({"cancel/#": 1})
        got = []

        async def read():
            async for delivery in session.deliveries():
                got.append(int(delivery.payload))  # noqa: PERF401 - what came before a cancellation counts

        with RawPublisher(plain.address) as device:
            for number in range(200):
                reader = asyncio.create_task(read())
                await asyncio.sleep(0)
                device.publish("cancel/x", str(number), qos=1)
                for _ in range(number % 4):
                    await asyncio.sleep(0)
                reader.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await reader
        while len(got) < 200:
            got.append(int((await session.next_delivery()).payload))
        assert got == list(range(200))


async def test_a_second_reader_is_a_mistake_that_is_told(plain):
    async with fleeting(plain) as session:
        first = asyncio.create_task(session.next_delivery())
        await asyncio.sleep(0)
        with pytest.raises(AssertionError, match="one reader"):
            await session.next_delivery()
        first.cancel()


async def test_acknowledging_out_of_order_is_a_mistake_that_is_told(plain):
    async with fleeting(plain, manual_ack=True) as session:
        await session.subscribe({"order/#": 1})
        publish_raw(plain.address, "order/x", "1", qos=1)
        publish_raw(plain.address, "order/x", "2", qos=1)
        first, second = await session.next_delivery(), await session.next_delivery()
        with pytest.raises(AssertionError, match="acknowledged while"):
            session.acknowledge(second)
        assert session.unacknowledged == 2
        del first


async def test_acknowledgements_of_many_leave_in_order_and_empty_the_queue(plain):
    name = "ack-many"
    async with Session(plain.address, name, manual_ack=True) as session:
        await session.subscribe({"many/#": 1})
        with RawPublisher(plain.address) as device:
            for number in range(150):
                device.publish("many/x", str(number), qos=number % 2)
        deliveries = [await session.next_delivery() for _ in range(150)]
        session.acknowledge(*deliveries[:100])
        assert session.unacknowledged == sum(1 for delivery in deliveries[100:] if delivery.qos)
        await session.flush()
        session.abort()
        with contextlib.suppress(ConnectionLostError):
            await session.next_delivery()
        session.acknowledge(*deliveries[100:])  # too late: harmless, and not sent
    async with Session(plain.address, name, manual_ack=True) as session:
        again = [await session.next_delivery() for _ in range(50)]
        assert [int(delivery.payload) for delivery in again] == list(range(100, 150))
        session.acknowledge(*again)
        await session.end()


async def test_publishes_without_waiting_keep_their_order(plain):
    async with fleeting(plain) as session:
        await session.subscribe({"row/#": 1})
        answers = [session.publish_nowait("row/x", str(number).encode()) for number in range(500)]
        got = [int((await session.next_delivery()).payload) for _ in range(500)]
        await asyncio.gather(*answers)
        assert got == list(range(500))


async def test_publishes_without_waiting_keep_to_the_brokers_receive_maximum():
    """Mosquitto 2.0 tells a maximum and forgives more; a broker need not ([MQTT-3.3.4-9])."""
    under_way, most = 0, 0

    async def serve(reader, writer):
        nonlocal under_way, most

        async def acknowledge_later(packet_id):
            nonlocal under_way
            await asyncio.sleep(0.01)
            under_way -= 1
            writer.write(b"\x40\x02" + packet_id)

        async with asyncio.TaskGroup() as group:
            while (header := await reader.readexactly(2))[0] != 0xE0:
                body = await reader.readexactly(header[1])
                if header[0] == 0x10:
                    writer.write(b"\x20\x06\x00\x00\x03\x21\x00\x05")  # receive maximum 5
                elif header[0] == 0x32:
                    under_way += 1
                    most = max(most, under_way)
                    group.create_task(acknowledge_later(body[3:5]))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    address = BrokerAddress("127.0.0.1", server.sockets[0].getsockname()[1])
    async with server, asyncio.timeout(DEADLINE), Session(address, "test") as session:
        assert session.limits.receive_maximum == 5
        await asyncio.gather(*(session.publish_nowait("x", b"") for _ in range(50)))
    assert most == 5


async def test_a_publish_under_way_when_the_broker_dies_fails_and_is_never_sent_again(tmp_path):
    with running_broker("mosquitto", tmp_path) as broker:
        async with Session(broker.address, "zombie") as session:
            await session.subscribe({"zombie/#": 1})
            os.kill(broker.pid, signal.SIGSTOP)
            answers = [session.publish_nowait("zombie/x", bytes(100_000)) for _ in range(300)]
            assert not any(answer.done() for answer in answers)
            broker.kill()
            for answer in answers:
                with pytest.raises(ConnectionLostError):
                    await asyncio.wait_for(answer, DEADLINE)
            assert session.loss is not None
            with pytest.raises(ConnectionLostError):
                await session.publish("zombie/x", b"")
            with pytest.raises(ConnectionLostError):
                await session.subscribe({"x": 0})
            with pytest.raises(ConnectionLostError):
                await session.unsubscribe("x")
            with pytest.raises(ConnectionLostError):
                await session.flush()
            broker.start()
            assert session.lost.is_set()
        async with Session(broker.address, "zombie") as session:
            await session.flush()
            assert session.waiting == 0


async def test_a_broker_that_falls_silent_is_noticed_by_the_keep_alive(tmp_path):
    with running_broker("mosquitto", tmp_path) as broker:
        async with Session(broker.address, "silent", keep_alive=1) as session:
            os.kill(broker.pid, signal.SIGSTOP)
            try:
                await asyncio.wait_for(session.lost.wait(), DEADLINE)
                assert "Keep alive timeout" in session.loss.message
            finally:
                os.kill(broker.pid, signal.SIGCONT)


async def test_the_keep_alive_goes_on_while_reading_is_paused(plain):
    async with fleeting(plain, keep_alive=1) as session:
        await session.subscribe({"paused/#": 1})
        session.pause_reading()
        publish_raw(plain.address, "paused/x", "1", qos=1)
        with pytest.raises(TimeoutError):  # a broker ends the connection after 1.5 s without a sign of life
            await asyncio.wait_for(session.lost.wait(), 4)
        assert session.waiting == 0
        session.resume_reading()
        assert (await session.next_delivery()).payload == b"1"
        await session.flush()


async def test_a_lost_session_is_told_after_all_that_came_before(plain):
    async with Session(plain.address, "before") as session:
        await session.subscribe({"before/#": 1})
        await session.publish("before/x", b"1")
        async with fleeting(plain, "before"):
            await session.lost.wait()
            assert (await session.next_delivery()).payload == b"1"
            for _ in range(2):
                with pytest.raises(ConnectionLostError):
                    await session.next_delivery()


async def test_deliveries_end_without_an_error_after_an_orderly_end(plain):
    async with Session(plain.address, "orderly", clean_start=True, session_expiry=0) as session:
        await session.subscribe({"orderly/#": 1})
        await session.publish("orderly/x", b"1")
    assert [delivery.payload async for delivery in session.deliveries()] == [b"1"]
    assert session.loss is None


async def test_a_prepared_connection_that_went_stale_is_replaced(tmp_path):
    with running_broker("mosquitto", tmp_path) as broker:
        prepared = await PreparedConnection.open(broker.address)
        broker.stop()
        broker.start()
        async with Session(broker.address, "stale", prepared=prepared, session_expiry=0) as session:
            await session.publish("x", b"")


async def test_a_prepared_connection_that_ends_at_connect_is_replaced():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def end_the_first():
            first, _ = server.accept()
            first.recv(1000)
            first.close()
            second, _ = server.accept()
            with second:
                second.recv(1000)
                second.sendall(CONNACK)
                second.recv(1000)

        thread = threading.Thread(target=end_the_first)
        thread.start()
        address = BrokerAddress("127.0.0.1", server.getsockname()[1])
        prepared = await PreparedConnection.open(address)
        assert prepared.age >= 0
        async with Session(address, "test", prepared=prepared) as session:
            assert not session.session_present
        thread.join(DEADLINE)


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (b"\xe0\x02\x8e\x00", "took the session over"),
        (b"\xe0\x00", "Normal disconnection"),
        (b"\xe0\x0a\x8b\x08\x1f\x00\x05sorry", "Server shutting down, sorry"),
        (b"\x30\x05\x00\x02\xff\xfe\x00", "not UTF-8"),
        (b"\x30\x02\x00\x09", "broke"),  # a topic longer than its packet
        (b"\x00\x00", "broke"),  # no MQTT packet
        (b"\x40\x02\x00\x09", "closed the connection"),  # acknowledges what nobody sent: ignored
        (b"\x30\x05\x00\x01x\x00", "closed the connection"),  # cut short
    ],
)
async def test_every_end_that_a_broker_can_make_is_one_loss_with_its_reason(sent, told):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            client, _ = server.accept()
            with client:
                client.recv(1000)
                client.sendall(CONNACK + b"\x30\x05\x00\x01x\x001" + sent)  # in one piece, with the end behind it

        thread = threading.Thread(target=serve)
        thread.start()
        async with Session(BrokerAddress("127.0.0.1", server.getsockname()[1]), "test") as session:
            assert (await asyncio.wait_for(session.next_delivery(), DEADLINE)).payload == b"1"
            with pytest.raises(ConnectionLostError, match=told):
                await asyncio.wait_for(session.next_delivery(), DEADLINE)
        thread.join(DEADLINE)


async def test_cancelling_the_way_in_leaves_no_socket_behind(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = BrokerAddress("127.0.0.1", server.getsockname()[1])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2), Session(address, "test"):
                pytest.fail("it was let in")
        client, _ = server.accept()
        with client:
            client.settimeout(DEADLINE)
            while client.recv(1000):
                pass  # CONNECT, then the end
