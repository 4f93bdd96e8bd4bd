"""Every limit of the system, with its unit, its reason and what it guards."""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

# Names -------------------------------------------------------------------------------------------------------------
NAME: Final = 23
"""Characters of a hub's or an instance's name: every MQTT server must accept client ids of 1 to 23 bytes
(MQTT 5.0, 3.1.3.1, [MQTT-3.1.3-5]); the instance id is one."""

# Messages ----------------------------------------------------------------------------------------------------------
SHOWN_MESSAGE: Final = 20_000
"""Bytes of a JSON message that is meant to be looked at: MQTT Explorer cuts what it shows there without a word."""
REQUEST: Final = 1 * MIB
"""Bytes of a request to the coordinator, the one JSON message that may be larger: `run` carries the source."""
TELEMETRY: Final = 256 * KIB
"""Bytes of a telemetry payload that the coordinator looks into; larger ones (camera pictures) are counted."""
EVENT: Final = 256 * KIB
"""Bytes of a message that starts a function: it waits in the store for its turn, and travels with each checkpoint."""
TELEMETRY_DEPTH: Final = 32
"""Nesting of a telemetry payload's JSON; real firmware stays below 8."""
TELEMETRY_TOPICS: Final = 20_000
"""Topics whose latest value is kept; beacons and trackers invent new ones without end."""
TELEMETRY_KEPT: Final = 32 * MIB
"""Bytes of all those latest values together: 20,000 large ones would be 5 GB."""

# Blobs -------------------------------------------------------------------------------------------------------------
PART: Final = 256 * KIB
"""Bytes of one part of a blob on the wire: small clients drop or crash on large packets."""
BLOB: Final = 256 * MIB
"""Bytes of a whole blob."""
IMAGE: Final = 1024 * MIB
"""Bytes of a decompressed image; checked against the frame's declared size before anything is decompressed."""
HEADER: Final = 64 * MIB
"""Bytes of a blob's signed part: source, mailbox and outbox."""
CBOR_DEPTH: Final = 64
"""Nesting of any CBOR that is decoded: the object graph is a flat table, so nothing legitimate comes near."""
PART_EXPIRY: Final = 120
"""Seconds after which the broker may drop a blob's part that nobody took."""

# Source ------------------------------------------------------------------------------------------------------------
SOURCE: Final = 512 * KIB
"""Bytes of all files of one function."""
SOURCE_FILES: Final = 64
"""Files of one function."""

# Between hub and worker --------------------------------------------------------------------------------------------
FRAME: Final = 1024 * MIB
"""Bytes of one frame between hub and worker; an image is one frame."""
LOG_LINE: Final = 4 * KIB
"""Bytes of one line of a function's log."""
OUTBOX: Final = 256
"""Outputs of an instance that wait to be let go; the function waits in `publish` beyond."""
OUTPUT: Final = 1 * MIB
"""Bytes of payload of one output: what has not left yet is part of each checkpoint's header."""
MAILBOX_MESSAGES: Final = 200
"""Unread messages that a hub acknowledges and keeps for a function before it leaves the rest with the broker."""
MAILBOX_BYTES: Final = 4 * MIB
"""The same in bytes of payload."""
CONSUMED_MESSAGES: Final = 1000
"""Messages consumed since its parent that a checkpoint carries, so that a fallback to the parent loses none of them.
Half the Receive Maximum makes a checkpoint due: at QoS 1 there are never more than a hundred or two."""
CONSUMED_BYTES: Final = 256 * KIB
"""The same in bytes of payload: they are written with every checkpoint."""
RECEIVE_MAXIMUM: Final = 200
"""QoS 1 messages an instance's session may hold unacknowledged (MQTT 5.0, 3.1.2.11.3)."""

# At the coordinator ------------------------------------------------------------------------------------------------
COORDINATOR_RECEIVE_MAXIMUM: Final = 1000
"""QoS 1 messages that the coordinator's session may hold unacknowledged, where parts of several blobs come at once: 250 MiB of them."""
LOG_LINES: Final = 1000
"""Lines of an instance's log that the coordinator remembers for `logs`."""
EVENTS: Final = 1000
"""Events that one question can have."""
UPLOADS: Final = 64
"""Blobs that may be on their way to the coordinator at a time."""
UPLOAD_BYTES: Final = 2 * BLOB
"""Bytes of all of them together; what came first and is not complete gives way."""

# Time --------------------------------------------------------------------------------------------------------------
STOP: Final = 5.0
"""Seconds within which a statement must be reached at which the function can be stopped."""
ENCODING: Final = 30.0
"""Seconds within which the copy of a process must have made and handed over the image of a function that goes on."""
VERDICT: Final = 30.0
"""Seconds after which a hub that holds a captured function asks the coordinator again what became of the move.
Not a decision: no time-out ever decides."""
UPLOAD: Final = 120.0
"""Seconds after its last part that an incomplete upload is kept; its parts expire on the broker by then."""
PREPARED: Final = 10.0
"""Seconds that a destination may take to get ready before the function is frozen; another one is taken then."""
RESTORED: Final = 60.0
"""Seconds that a destination may take until the function runs; then a newer epoch fences it and another tries."""
COMMAND_EXPIRY: Final = 30
"""Seconds after which the broker may drop a command: it is sent anew while its hub is there."""
COMMAND_REPEAT: Final = 2.0
"""Seconds after which a command that was not answered is sent again, under its own id."""

# Permission packages -----------------------------------------------------------------------------------------------
PACKAGE: Final = 64 * MIB
"""Bytes of a package without its contents: a hundred thousand files are 15 MB."""
PACKAGE_CONTENTS: Final = 16 * 1024 * MIB
"""Bytes of all contents of a package as they will stand on the disk: a part named often is sent once and written often."""
PACKAGE_ENTRIES: Final = 200_000
"""Files and folders of a package."""
PACKAGE_NAMES: Final = 20_000
"""Resources, tasks, or groups of a package."""
PACKAGE_DEPTH: Final = 32
"""Folders within folders of a resource."""
PACKAGE_PATH: Final = 1024
"""Bytes of a path within a resource; a file's name has at most 255 on every Linux file system."""
PACKAGE_WANTED: Final = 200
"""Parts that are asked for at a time: their names fill a message that can still be looked at."""
PACKAGE_DRIFT: Final = 50
"""Differences that a hub tells; it counts all."""
