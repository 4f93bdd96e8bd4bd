"""The object graph of a checkpoint: Python values to a flat table of plain nodes, and back.

`encode` and `decode` are between values and nodes, `to_cbor` and `from_cbor` between nodes and bytes.
Neither uses pickle; neither recurses; decoding runs no code that a blob could choose.

What is kept: type, contents, order, identity (an object in two places is one object in two places), cycles, and the
links of iterators, views, methods and cells to what they belong to. What is not:

* the identity of ints, floats, strs and bytes that are short, as in plain Python: use ``==``;
* the order of a set: the other process salts hashes anew; an iterator over a set travels as the rest;
* the link between an exception's or a namespace's ``__dict__`` and a variable that holds that dictionary too;
* `RuntimeError` from an iterator over a set or deque that is changed while it travels.

An object's class is not asked: ``__getstate__``, ``__reduce__`` and ``__setstate__`` are for `pickle`. `objects` tells
why.
"""

from devices.runtime.python.values.contract import Anew, Described, Image, Knows, Made, Registered, Travels
from devices.runtime.python.values.graph import decode, encode
from devices.runtime.python.values.wire import from_cbor, to_cbor

__all__ = [
    "Anew",
    "Described",
    "Image",
    "Knows",
    "Made",
    "Registered",
    "Travels",
    "decode",
    "encode",
    "from_cbor",
    "to_cbor",
]
