"""Which instances are ahead of this store: their hub went on while the coordinator was away (rule 8).

Such an instance is given to no other hub before its own one has delivered what it did, or a person gives that up.
"""

from __future__ import annotations

from coordinator.ingest.hubs import Hubs
from coordinator.line import Line
from devices.errors import ProtocolError
from devices.protocol import messages
from devices.protocol.ahead import Ahead
from devices.protocol.topics import Topics


class AheadOfStore:
    """The words that the broker keeps.

    Args:
        line: the broker.
        topics: the tree.
    """

    def __init__(self, line: Line, topics: Topics) -> None:
        self._line = line
        self._topics = topics
        self._words: dict[str, Ahead] = {}

    def take(self, instance: str, payload: bytes) -> None:
        """Takes a hub's word, or that it is taken back.

        Raises:
            ProtocolError: it is none, or about another instance.
        """
        if not payload:
            self._words.pop(instance, None)
            return
        topic = self._topics.instance(instance, "ahead")
        word = messages.decode(payload, Ahead, topic)
        if word.instance != instance:
            raise ProtocolError(f"{word.instance} is said to be ahead", place=topic)
        self._words[instance] = word

    def of(self, instance: str, epoch: int) -> Ahead | None:
        """Returns the word about an instance, if it is of its newest epoch."""
        word = self._words.get(instance)
        return word if word is not None and word.epoch == epoch else None

    def since(self, instance: str, epoch: int) -> Ahead | None:
        """Returns the word about an instance of this epoch or a newer one: its hub says it anew as it goes on there."""
        word = self._words.get(instance)
        return word if word is not None and word.epoch >= epoch else None

    def forget_older(self, instance: str, epoch: int) -> None:
        """Takes a word of an older epoch than this one off the broker: the instance goes on from what the store has."""
        word = self._words.get(instance)
        if word is not None and word.epoch < epoch:
            self.give_up(instance)

    def attention(self, hubs: Hubs) -> list[str]:
        """Returns a sentence for each instance whose hub is away with what it owes."""
        return [
            f"{word.instance} waits for {word.hub}, which alone has its newest {'messages' if word.suspended else 'state'}: "
            f"start it, or give that up: {remedy(word)}"
            for _, word in sorted(self._words.items())
            if not hubs.online(word.hub)
        ]

    def give_up(self, instance: str) -> None:
        """Takes the word off the broker: what its hub did is lost, as somebody has accepted."""
        self._words.pop(instance, None)
        self._line.publish(self._topics.instance(instance, "ahead"), b"", retain=True)


def what(word: Ahead) -> str:
    """Returns in words what a hub alone has."""
    if word.suspended:
        return f"the messages that have come for it since {word.since}, while it was suspended"
    return f"what it did since {word.since}, while the coordinator was away"


def remedy(word: Ahead) -> str:
    """Returns the command that gives that up."""
    return f"midstream {'resume' if word.suspended else 'migrate'} {word.instance} --accept-loss"
