"""Frames between a hub agent and its workers, over an inherited stream socket.

A frame is a 4-byte big-endian length and a MessagePack object tagged with its kind. The worker is single-threaded and
asks for one message at a time; both ends see the frames of one direction in order, and that order is what makes a
checkpoint's cut exact: `Captured` follows every `Publish` that the captured state has made, and no `Deliver` is sent
between `Capture` and `Captured`.
"""

from __future__ import annotations

import struct
from typing import Any, Final

import msgspec

from devices.errors import ProtocolError
from devices.protocol import limits
from devices.protocol.messages import Variable
from devices.protocol.occasion import Occasion
from devices.protocol.waits import CatchUp, Wait

HEAD: Final = struct.Struct(">I")


class Frame(msgspec.Struct, kw_only=True, tag_field="k", omit_defaults=True):
    """Base of all frames."""


# hub -> worker -------------------------------------------------------------------------------------------------------


class Confinement(msgspec.Struct, kw_only=True):
    """As whom a worker runs, and what it sees: `devices.runtime.confinement`. Local numbers and paths of the hub."""

    root: str  # an empty directory, on which its view is built
    user: int
    groups: list[int]
    resources: dict[str, tuple[str, str]]  # name => path on the hub, and "r", "w" or "rw"


class Load(Frame, tag="load", kw_only=True):
    """Make the function's code ready: ``files`` as in `devices.runtime.source.Source`. Sent ahead of a move.

    ``confinement``: first shut yourself in. ``resources``: where this hub has what `ctx.resource` names.
    """

    module: str
    files: dict[str, str]
    resources: dict[str, str] = {}
    confinement: Confinement | None = None


class Begin(Frame, tag="begin", kw_only=True):
    """Start the function, or go on from ``image``: answered by `Started`, or by `Ready` with an error."""

    instance: str
    checkpoint: str = ""  # the one that ``image`` is of
    hub: str
    epoch: int
    timezone: str
    function: str
    arguments: dict[str, Any] = {}
    occasion: Occasion | None = None  # the message that started it: its first argument
    image: bytes | None = None
    sequence: int = 0  # outputs made so far
    delivered: int = 0  # messages handed to the function so far
    subscriptions: dict[int, list[str]] = {}  # the open ones: filters, as `Subscribe` named them, by number
    catch_up: CatchUp = "run"  # what becomes of waits that ended while the function was not running


class Deliver(Frame, tag="deliver", kw_only=True):
    """The one message that was pulled."""

    number: int  # the count of deliveries, this one included
    arrival: int  # the hub's number of the message
    subscription: int
    topic: str
    payload: bytes
    qos: int
    retain: bool
    at: float  # seconds since the epoch, the hub's clock at arrival


class Unpulled(Frame, tag="unpulled", kw_only=True):
    """The pull was taken back; no `Deliver` for it follows.

    ``deaf``: seconds of this pull in which the session was not up or what the broker had queued was still arriving.
    Silence is no evidence then: the function's time-out goes on for as long.
    """

    deaf: float = 0.0


class Newest(Frame, tag="newest", kw_only=True):
    """Answer to `Latest`; ``message`` is ``None`` before the first."""

    message: Deliver | None


class Subscribed(Frame, tag="subscribed", kw_only=True):
    """The broker has granted the subscription, or refused it (``error`` as `MidstreamError.to_wire`)."""

    subscription: int
    error: dict[str, str] | None = None


class Capture(Frame, tag="capture", kw_only=True):
    """Take a checkpoint at the next place; a signal (SIGUSR1) follows, so that a computing function looks.

    ``limit`` is in seconds, and so is ``encoding``, that of a copy which makes the image. With ``hold`` the function stands still behind `Captured` until `GoOn`; a hub that needs it no more kills it.
    """

    number: int
    hold: bool
    limit: float = limits.STOP
    encoding: float = limits.ENCODING
    deaf: float = 0.0  # as in `Unpulled`: what of it the function has not been told yet


class GoOn(Frame, tag="go-on", kw_only=True):
    """The held function goes on where it stands."""

    number: int


class Durable(Frame, tag="durable", kw_only=True):
    """Checkpoint ``number`` and the outputs up to ``sequence`` are where failover will look for them."""

    number: int
    checkpoint: str
    sequence: int


# worker -> hub -------------------------------------------------------------------------------------------------------


class Ready(Frame, tag="ready", kw_only=True):
    """The worker is up; with ``loaded`` the answer to `Load`; ``error`` if the source or the image cannot be used."""

    pid: int
    loaded: bool = False
    error: dict[str, str] | None = None


class Started(Frame, tag="started", kw_only=True):
    """The function is about to run its first statement here. ``decode_ms``: from `Begin` to now.

    ``rests``: what had to be compiled of the function for that, for the warm parent to have ready next time.
    """

    decode_ms: float
    rests: bytes = b""


class Subscribe(Frame, tag="subscribe", kw_only=True):
    """`ctx.subscribe`: answered by `Subscribed`. Filters are as written: ``{room}`` is `topics.wire_filter`'s business.

    A function that was captured before the answer came asks again, with the same number.
    """

    subscription: int
    filters: list[str]
    latest_only: bool = False
    retained: bool = True


class Unsubscribe(Frame, tag="unsubscribe", kw_only=True):
    """The end of a ``with ctx.subscribe(...)``: its unread messages are dropped unread."""

    subscription: int


class Pull(Frame, tag="pull", kw_only=True):
    """Wants the oldest unread message of these subscriptions (all, if empty). One pull at a time."""

    subscriptions: list[int] = []
    waiting: str = ""  # in words, for `ps`
    until: float | None = None  # seconds since the epoch
    counting: float | None = None  # seconds left that pass only while the function runs


class Unpull(Frame, tag="unpull", kw_only=True):
    """Takes the pull back (time ran out): answered by `Unpulled`, perhaps behind a `Deliver` that crossed it."""


class Latest(Frame, tag="latest", kw_only=True):
    """Asks for the newest message heard by a subscription: answered by `Newest`."""

    subscription: int


class Publish(Frame, tag="publish", kw_only=True):
    """An output, numbered by the function's state: the key of rule 17 is (instance, sequence)."""

    sequence: int
    topic: str
    payload: bytes
    qos: int
    retain: bool
    immediate: bool = False


class Status(Frame, tag="status", kw_only=True):
    """`ctx.status`."""

    text: str | None = None
    progress: float | None = None
    values: dict[str, Any] = {}


class Log(Frame, tag="log", kw_only=True):
    """One line that the function printed or logged."""

    level: str
    text: str


class Sleeping(Frame, tag="sleeping", kw_only=True):
    """The function waits for a time, not for a message."""

    waiting: str
    until: float | None = None
    counting: float | None = None  # as in `Pull`


class Checkpoint(Frame, tag="checkpoint", kw_only=True):
    """`ctx.checkpoint()`: asks for a capture; `Durable` with its number ends the wait."""


class Captured(Frame, tag="captured", kw_only=True):
    """The state, read in place. An empty image: `Encoded`, or `NotCaptured`, comes through the hatch with this number."""

    number: int
    image: bytes = b""
    line: str
    statement: str
    frames: list[str]
    variables: list[Variable]
    packages: dict[str, str] = {}  # that the function's files import, and their versions
    wait: Wait | None = None  # that the function was in
    sequence: int
    delivered: int
    freeze_ms: float  # from the request to the stop
    capture_ms: float  # reading the frames
    encode_ms: float  # graph and CBOR


class Encoded(Frame, tag="encoded", kw_only=True):
    """The image of a state that was read before: made by a copy of the process, and sent through the hatch alone."""

    number: int
    image: bytes
    encode_ms: float


class NotCaptured(Frame, tag="not-captured", kw_only=True):
    """No state: something cannot travel, or no place was reached; the function runs on."""

    number: int
    error: dict[str, str]


class Returned(Frame, tag="returned", kw_only=True):
    """The function's end; ``result`` is the JSON of what it returned, or ``None`` where JSON cannot hold it.

    The hub closes the link when it has read this (or `Raised`); the worker waits for that, and ends.
    """

    result: bytes | None
    shown: str
    sequence: int
    delivered: int


class Raised(Frame, tag="raised", kw_only=True):
    """The function raised: its traceback with the user's own files and lines."""

    error: str
    traceback: str
    sequence: int
    delivered: int


ToWorker = Load | Begin | Deliver | Unpulled | Newest | Subscribed | Capture | GoOn | Durable
ToHub = (
    Ready | Started | Subscribe | Unsubscribe | Pull | Unpull | Latest | Publish | Status | Log | Sleeping
    | Checkpoint | Captured | Encoded | NotCaptured | Returned | Raised
)  # fmt: skip

_encoder = msgspec.msgpack.Encoder()
_to_worker = msgspec.msgpack.Decoder(ToWorker)
_to_hub = msgspec.msgpack.Decoder(ToHub)


def pack(frame: Frame) -> bytes:
    """Returns the frame with its length in front."""
    body = _encoder.encode(frame)
    return HEAD.pack(len(body)) + body


def body_length(head: bytes | bytearray | memoryview) -> int:
    """Returns the length that a frame's 4-byte head announces.

    Raises:
        ProtocolError: more than a frame may have.
    """
    (length,) = HEAD.unpack(head)
    if length > limits.FRAME:
        raise ProtocolError(f"a frame of {length} bytes; at most {limits.FRAME} are taken")
    return int(length)


def for_worker(body: bytes | bytearray | memoryview) -> ToWorker:
    """Decodes a hub's frame.

    Raises:
        ProtocolError: not one of the frames a worker takes.
    """
    frame: ToWorker = _decode(_to_worker, body)
    return frame


def for_hub(body: bytes | bytearray | memoryview) -> ToHub:
    """Decodes a worker's frame: user code runs there, so nothing in it is trusted.

    Raises:
        ProtocolError: not one of the frames a hub takes.
    """
    frame: ToHub = _decode(_to_hub, body)
    return frame


def _decode(decoder: msgspec.msgpack.Decoder[Any], body: bytes | bytearray | memoryview) -> Any:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ProtocolError(f"malformed frame between hub and worker: {error}") from error
