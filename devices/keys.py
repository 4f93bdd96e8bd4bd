"""Key files: each part makes its Ed25519 key at its first start and keeps it in a file of mode 600.

First contact pins the coordinator's key, as ssh does; afterwards another key is refused until the pin is removed by
hand. Enrolment with tokens and rotation come later.
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from devices.errors import ConfigurationError, RefusedError


def own_key(path: Path) -> Ed25519PrivateKey:
    """Returns the key in ``path``, made there (with its folder) if there is none.

    Raises:
        ConfigurationError: the file is no Ed25519 key, or cannot be read or written.
    """
    try:
        return _load(path) if path.exists() else _make(path)
    except OSError as error:
        raise ConfigurationError(f"the key cannot be kept there: {error.strerror}", place=str(path)) from error


def _load(path: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise ConfigurationError(
            "this is no private key", place=str(path), remedy="restore it from a backup, or remove it for a new one"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError("this is a key, but not an Ed25519 key", place=str(path))
    return key


def _make(path: Path) -> Ed25519PrivateKey:
    key = Ed25519PrivateKey.generate()
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    return key


def pin(path: Path, public: bytes, whose: str) -> bytes:
    """Returns ``public`` if it is the pinned key in ``path``, and pins it at first contact.

    Args:
        path: the pin file: the key in hexadecimal.
        public: the 32 bytes that the peer shows.
        whose: for the message: ``"the coordinator"``.

    Raises:
        RefusedError: another key is pinned.
    """
    try:
        pinned = path.read_text().strip()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(public.hex() + "\n")
        return public
    if pinned != public.hex():
        raise RefusedError(
            f"{whose} shows another key than at first contact",
            place=str(path),
            remedy=f"if {whose} was set up anew, remove this file; if not, somebody else is answering",
        )
    return public
