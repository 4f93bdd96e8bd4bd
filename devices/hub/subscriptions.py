"""Keeps the broker's subscriptions in step with the function's.

A subscription at the broker outlives the `with` block that opened it until a checkpoint without it is durable: the
function may be set back into the block, and nothing that came meanwhile may be missing then.
"""

from __future__ import annotations

from devices.errors import MidstreamError
from devices.hub.instance import Instance
from devices.hub.instance_session import InstanceSession
from devices.protocol import link
from devices.protocol.topics import wire_filter


class Subscriptions:
    """The subscriptions of one instance's session.

    Args:
        instance: whose.
        session: its connection.
    """

    def __init__(self, instance: Instance, session: InstanceSession) -> None:
        self._instance = instance
        self._session = session
        self._at_broker = set(instance.mailbox.broker_filters)

    async def open(self, frame: link.Subscribe) -> link.Subscribed:
        """Opens a subscription; returns the answer for the function when the broker has agreed or refused."""
        mailbox = self._instance.mailbox
        try:
            is_new = mailbox.subscribe(
                frame.subscription, frame.filters, latest_only=frame.latest_only, retained=frame.retained
            )
            wanted = [wire_filter(each) for each in frame.filters]
            if is_new and not frame.retained:
                wanted = [each for each in wanted if each not in self._at_broker]
            # 0: what the broker keeps comes, although another subscription may have the same filter. 1: the function
            # asks for the second time; only if the broker has not heard the first. 2: from here on only.
            handling = (0 if frame.retained else 2) if is_new else 1
            self._at_broker.update(wanted)
            await self._session.subscribe(wanted, retain_handling=handling)
        except MidstreamError as error:
            mailbox.unsubscribe(frame.subscription)
            return link.Subscribed(subscription=frame.subscription, error=error.to_wire())
        return link.Subscribed(subscription=frame.subscription)

    async def open_anew(self) -> None:
        """Opens all of them on a session that the broker has lost; what it keeps has been heard before.

        Raises:
            RefusedError: the broker refuses one.
        """
        self._at_broker = set(self._instance.mailbox.broker_filters)
        await self._session.subscribe(sorted(self._at_broker), retain_handling=2)

    def unneeded(self) -> list[str]:
        """Returns, once, the filters that neither the function nor its newest checkpoint has open."""
        kept = {wire_filter(each) for it in self._instance.header.mailbox.subscriptions for each in it.filters}
        needed = kept.union(self._instance.mailbox.broker_filters)
        unneeded = sorted(self._at_broker - needed)
        self._at_broker &= needed
        return unneeded
