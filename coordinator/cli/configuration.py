"""The one table of a coordinator's or hub's file that a command which only asks must read: where the broker is."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devices.errors import ConfigurationError, UsageError
from devices.mqtt.address import BrokerAddress


@dataclass(frozen=True)
class Configured:
    """What a file says about the broker; ``None`` where it says nothing."""

    address: BrokerAddress | None
    prefix: str | None


def read_broker(path: Path) -> Configured:
    """Reads the ``[broker]`` table of a configuration file.

    Raises:
        ConfigurationError: no such file, no TOML, or something in the table that cannot be; it names file and entry.
    """
    document = _read(path)
    table = document.get("broker", {})
    if not isinstance(table, dict):
        raise ConfigurationError("'broker' is a table: [broker]", place=str(path))
    url = _text(path, table, "broker", "url")
    address = None
    if url is not None:
        try:
            address = BrokerAddress.parse(url)
        except UsageError as error:
            raise ConfigurationError(error.message, place=f"{path}: broker.url", remedy=error.remedy) from None
        user, password_file = (_text(path, table, "broker", name) for name in ("user", "password_file"))
        if user is not None:
            address = address.with_login(user, _password(path, password_file) if password_file else None)
    return Configured(address=address, prefix=_text(path, document, "", "prefix"))


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigurationError(f"cannot be read: {error.strerror}", place=str(path)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"is no TOML: {error}", place=str(path)) from None


def _text(path: Path, table: dict[str, Any], of: str, name: str) -> str | None:
    value = table.get(name)
    if value is not None and not isinstance(value, str):
        raise ConfigurationError(f"is a text, not {value!r}", place=f"{path}: {of}.{name}".replace(" .", " "))
    return value


def _password(path: Path, name: str) -> str:
    file = path.parent / name
    try:
        return file.read_text().strip()
    except OSError as error:
        raise ConfigurationError(
            f"the password file {file} cannot be read: {error.strerror}", place=f"{path}: broker.password_file"
        ) from None
