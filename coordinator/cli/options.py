"""The options that every command that asks the coordinator has, and where they come from.

In growing weight: the ``[broker]`` table of a configuration file, the environment, the command line. They may stand
before the command or behind it; behind weighs more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from devices.errors import UsageError
from devices.mqtt.address import BrokerAddress

Command = TypeVar("Command", bound=Callable[..., Any])

DEFAULT_BROKER: Final = "mqtt://127.0.0.1:1883"
DEFAULT_PREFIX: Final = "midstream"


def COMMON(command: Command) -> Command:  # noqa: N802  reads as what it is: a constant set of options
    """Adds ``--broker``, ``--prefix``, ``--config`` and ``--json``."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS: Final = (
    click.option("--broker", metavar="URL", help="The broker: mqtt://user:password@host:1883, or mqtts:// with TLS."),
    click.option("--prefix", metavar="LEVEL", help="The first topic level, if it is not 'midstream'."),
    click.option(
        "--config",
        metavar="FILE",
        type=click.Path(dir_okay=False, path_type=Path),
        help="A coordinator's or hub's TOML file: its broker is asked.",
    ),
    click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, described in docs/schemas."),
)


@dataclass(frozen=True)
class Target:
    """Whom a command asks, and how it answers."""

    address: BrokerAddress
    prefix: str
    as_json: bool
    named: bool = True  # False: nobody said which broker: that of `up` here is asked, or the usual port


def target(given: dict[str, Any]) -> Target:
    """Returns whom to ask, from a command's options, those before it, the environment and the configuration.

    Args:
        given: the values of `COMMON`'s options.

    Raises:
        UsageError: an address that is none.
        ConfigurationError: a configuration file that cannot be read.
    """
    from os import environ

    values = dict(_before_the_command()) | {name: value for name, value in given.items() if value}
    config = values.get("config") or environ.get("MIDSTREAM_CONFIG")
    broker = values.get("broker") or environ.get("MIDSTREAM_BROKER")
    prefix = values.get("prefix") or environ.get("MIDSTREAM_PREFIX")
    address = BrokerAddress.parse(broker) if broker else None
    if config and not (address and prefix):
        from coordinator.cli.configuration import read_broker

        configured = read_broker(Path(config))
        address, prefix = address or configured.address, prefix or configured.prefix
    named = address is not None
    if address is None:
        from coordinator.cli.folders import running_here

        address = running_here()
    return Target(
        address=address or BrokerAddress.parse(DEFAULT_BROKER),
        prefix=prefix or DEFAULT_PREFIX,
        as_json=bool(values.get("as_json")),
        named=named,
    )


def one_broker(whom: Target, *, embedded: bool) -> BrokerAddress | None:
    """Returns the user's broker for a command that starts one otherwise; ``None`` if none was named.

    Raises:
        UsageError: one was named, and the embedded one wanted too.
    """
    if embedded and whom.named:
        raise UsageError(f"--embedded starts a broker, --broker names one: {whom.address}", remedy="choose one of them")
    return whom.address if whom.named else None


def _before_the_command() -> dict[str, Any]:
    context = click.get_current_context(silent=True)
    given = context.find_root().obj if context else None
    return {name: value for name, value in (given or {}).items() if value}
