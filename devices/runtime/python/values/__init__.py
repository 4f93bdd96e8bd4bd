"""The object graph of a checkpoint: Python values to a flat table of plain nodes, and back.

`encode` and `decode` are between values and nodes, `to_cbor` and `from_cbor` between nodes and bytes.
Neither uses pickle; neither recurses; decoding runs no code that a blob could choose.
"""

from devices.runtime.python.values.contract import Described, Image, Knows, Registered, Travels
from devices.runtime.python.values.graph import decode, encode
from devices.runtime.python.values.wire import from_cbor, to_cbor

__all__ = ["Described", "Image", "Knows", "Registered", "Travels", "decode", "encode", "from_cbor", "to_cbor"]
