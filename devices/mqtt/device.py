"""A device's connection to the broker as its firmware would make it, for the simulated ones.

Through aiomqtt and not through `Session`, on purpose: firmware speaks MQTT 3.1.1, keeps no session, publishes mostly at
QoS 0 and looks at no reason code. What a demo proves with such devices holds for those on the shelf, and a mistake in
`Session` cannot hide on both sides.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from types import TracebackType
from typing import Final, Self

import aiomqtt

from devices.errors import UnreachableError
from devices.mqtt.address import BrokerAddress
from devices.mqtt.delivery import Will

_PATIENCE: Final = 3.0
"""Seconds for the broker's answer to anything; aiomqtt notices the end of a connection under a publish only by it."""

_log: Final = logging.getLogger(__name__)
_log.addHandler(logging.NullHandler())  # else Python prints what aiomqtt says of a lost connection on the terminal


class DeviceConnection:
    """One device's connection, used once, as a context manager.

    Args:
        address: the broker.
        client_id: the device's; firmware builds it from its name and hardware address.
        will: as firmware sets it: retained, "Offline" and the like.
        mqtt5: speak MQTT 5, because the embedded broker's one listener knows nothing else.
    """

    def __init__(
        self, address: BrokerAddress, client_id: str, *, will: Will | None = None, mqtt5: bool = False
    ) -> None:
        self._address = address
        self._client = aiomqtt.Client(
            address.host,
            address.port,
            username=address.user,
            password=address.password,
            identifier=client_id,
            protocol=aiomqtt.ProtocolVersion.V5 if mqtt5 else aiomqtt.ProtocolVersion.V311,
            will=None if will is None else aiomqtt.Will(will.topic, will.payload, will.qos, will.retain),
            tls_params=aiomqtt.TLSParameters() if address.tls else None,
            timeout=_PATIENCE,
            logger=_log,
        )

    async def __aenter__(self) -> Self:
        """Connects.

        A cancellation waits until the attempt has ended: aiomqtt 2.5.1 forgets the socket of a cancelled one, which
        the event loop then complains about on the terminal.

        Raises:
            UnreachableError: no broker there, or it does not let the device in.
        """
        connecting = asyncio.ensure_future(self._client.__aenter__())
        try:
            await asyncio.shield(connecting)
        except asyncio.CancelledError:
            while not connecting.done():  # a task group cancels twice
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait({connecting})
            if connecting.exception() is None:
                await self.__aexit__(None, None, None)
            raise
        except aiomqtt.MqttError as error:
            raise UnreachableError(
                f"a simulated device cannot connect to the broker at {self._address.place}: {error}",
                remedy="check that the broker runs and lets devices in",
            ) from None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._client.__aexit__(kind, error, trace)
        except aiomqtt.MqttError:  # the broker went first: nothing is left to say goodbye to
            _log.debug("the broker at %s was gone before a device", self._address.place)
        lost = self._client._disconnected  # noqa: SLF001 - aiomqtt 2.5.1 never looks at it, and asyncio complains
        if lost.done() and not lost.cancelled():
            lost.exception()

    async def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        """Publishes; at QoS 1 returns when the broker has acknowledged.

        Raises:
            UnreachableError: the connection is gone, or the broker has not acknowledged within three seconds.
        """
        try:
            await self._client.publish(topic, payload, qos, retain)
        except aiomqtt.MqttError as error:
            raise UnreachableError(
                f"a simulated device has lost the broker at {self._address.place}: {error}", place=topic
            ) from None
