"""The configuration package: structure, contents by reference, tasks. Its contract is `package.cddl` beside this file.

A package is a COSE_Sign1 (RFC 9052) by the coordinator over deterministic CBOR. It is for one hub and has a version; a
hub takes only a version above the one it has, so that an older one cannot be played again, and going back is a newer
package that says what an older one said.

Contents do not stand in it: a file is a list of parts of at most 256 KiB, each named by its SHA-256. So a part is
checked when it comes, equal ones are sent once, what a hub has is never sent again, and a transfer that was cut goes on
where it was. The package itself travels as such parts too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final, Literal

import cbor2
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from devices.errors import NewerFormatError, ProtocolError
from devices.permissions.structure import Directory, Right, TaskGrants
from devices.protocol import limits, sealing

FORMAT: Final = 1
_PURPOSE: Final = b"midstream permission package"
"""Signed along, so that no other thing that this key has signed can pass for a package."""

ResourceKind = Literal["file", "folder", "device", "volume"]


class Entry(msgspec.Struct, kw_only=True, frozen=True):
    """A file or a folder within a resource."""

    path: str  # relative to the resource, with slashes; empty: the resource itself
    folder: bool = False
    size: int = 0  # bytes
    parts: list[bytes] = []  # SHA-256 of each `limits.PART` bytes, in order


class PackedResource(msgspec.Struct, kw_only=True, frozen=True):
    """A resource as the hub makes it."""

    kind: ResourceKind
    entries: list[Entry] = []  # of a file its one; of a folder all below it, each folder before what is in it
    device: str = ""  # its path on the hub
    quota: int = 0  # bytes of a volume
    travels: bool = False  # a volume's contents go along when a task moves


class Package(msgspec.Struct, kw_only=True, frozen=True):
    """What a hub is to build."""

    format: int = FORMAT
    hub: str
    version: int  # counted by the coordinator for each hub, from 1
    created: str  # RFC 3339, UTC
    directories: list[Directory]
    groups: dict[str, list[str]]  # group => its tasks
    tasks: dict[str, TaskGrants]
    access: dict[str, dict[str, Right]]  # task => resource => "r", "w", "rw"; what is not named is nothing
    narrowed: list[tuple[str, str]]  # task, resource: the bits would let it read; its confinement must not
    resources: dict[str, PackedResource]


def seal(package: Package, key: Ed25519PrivateKey) -> bytes:
    """Returns a package, encoded and signed."""
    fields = msgspec.to_builtins(package, builtin_types=(bytes,), order="sorted")
    return sealing.sign(key, cbor2.dumps(fields, canonical=True), _PURPOSE)


def unseal(sealed: bytes, public: bytes) -> Package:
    """Returns what a package says. Whether that is sound is another question: `devices.permissions.soundness`.

    Args:
        sealed: from anywhere.
        public: the coordinator's key.

    Raises:
        DamagedError: cut short, altered, or signed by somebody else.
        NewerFormatError: of a newer version of Midstream.
        ProtocolError: not what the contract says.
    """
    if len(sealed) > limits.PACKAGE:
        raise ProtocolError(f"a package of {len(sealed)} bytes; at most {limits.PACKAGE} are taken")
    return _read(sealing.verify(sealed, public, _PURPOSE))


def reopen(sealed: bytes) -> Package:
    """Returns what a package says whose signature was checked when it came: keys change, what was built stays.

    Raises:
        ProtocolError: as `unseal`, but for the signature.
    """
    return _read(sealing.payload_of(sealed))


def _read(payload: bytes) -> Package:
    fields = sealing.load_cbor(payload, "the package")
    found = fields.get("format") if isinstance(fields, dict) else None
    if isinstance(found, int) and found > FORMAT:
        raise NewerFormatError(
            f"the package has format {found}, this hub reads {FORMAT}", remedy="upgrade this hub first"
        )
    try:
        return msgspec.convert(fields, Package)
    except msgspec.ValidationError as error:
        raise ProtocolError(f"a package is not as the contract says: {error}") from error


def parts_of(resources: Iterable[PackedResource]) -> list[bytes]:
    """Returns the digests of all contents, each once."""
    return list(dict.fromkeys(part for resource in resources for entry in resource.entries for part in entry.parts))


def digest(part: bytes) -> bytes:
    """Returns by what a part is named."""
    return hashlib.sha256(part).digest()


def cut(data: bytes) -> list[bytes]:
    """Returns a text's parts."""
    return [data[start : start + limits.PART] for start in range(0, len(data), limits.PART)]
