"""What a small image could make large: the depth and time of hashing, chains that C drops recursively, patterns.

Sizes are bounded by the image's own; these are not.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from devices.errors import ProtocolError
from devices.runtime.python.values.contract import Slot

PATTERNS: Final = 20_000
"""Characters of all regular expressions of an image: five of them can take 7 ms to compile (measured)."""
COLLISIONS: Final = 1000
"""Equal hashes in one dict or set: each further key would cost as many comparisons. Strs and bytes have salted hashes;
integers do not, and an attacker knows many with the same one."""
_DEEPEST_HASH: Final = 1000
"""Nesting of what is hashed: ``hash`` of a tuple recurses in C, and a hundred thousand would end the process."""
_HASH_WORK: Final = 20_000_000
"""Values looked at for hashes, beyond a hundred for each node: a tuple's hash is not kept, so that of sixty tuples, each
twice in the next, would take for ever."""
_LONGEST_CHAIN: Final = 5000
"""Iterators over iterators, methods of methods: CPython drops a chain of these recursively, and a hundred thousand
would end the process."""


class Bounds:
    """Counts for one image of ``size`` nodes; each method raises `ProtocolError` where a bound is passed."""

    def __init__(self, size: int) -> None:
        self._hashes: dict[int, tuple[int, int]] = {}  # depth and cost of the settled nodes' hashes
        self._work = _HASH_WORK + 100 * size
        self._chains: dict[int, int] = {}
        self._patterns = 0

    def is_settled(self, index: int) -> bool:
        """Tells whether `settle` has been called for the node."""
        return index in self._hashes

    def settle(self, index: int, hashed: Iterable[Slot] = ()) -> None:
        """Counts the hash of a node that looks at these slots."""
        inside = [self._hashes.get(slot[0], (0, 0)) for slot in hashed if type(slot) is list]
        depth = 1 + max((depth for depth, _ in inside), default=0)
        cost = 1 + sum(cost for _, cost in inside)
        self._hashes[index] = depth, cost
        if depth > _DEEPEST_HASH:
            raise ProtocolError(f"a key nested more than {_DEEPEST_HASH} deep")
        if cost > self._work:
            raise ProtocolError("a key whose hash would take too long")

    def hash_all(self, slots: Iterable[Slot]) -> None:
        """Counts the work of hashing settled keys."""
        self._work -= sum(self._hashes.get(slot[0], (0, 0))[1] for slot in slots if type(slot) is list)
        if self._work < 0:
            raise ProtocolError("keys whose hashes would take too long")

    def chain(self, index: int, slots: Iterable[Slot]) -> None:
        """Counts the links of a chain that ends with this node."""
        links = 1 + max((self._chains.get(slot[0], 0) for slot in slots if type(slot) is list), default=0)
        self._chains[index] = links
        if links > _LONGEST_CHAIN:
            raise ProtocolError(f"a chain of more than {_LONGEST_CHAIN} iterators or methods")

    def pattern(self, length: int) -> None:
        """Counts the characters of a regular expression."""
        self._patterns += length
        if self._patterns > PATTERNS:
            raise ProtocolError(f"regular expressions of more than {PATTERNS} characters")
