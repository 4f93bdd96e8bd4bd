"""What a rule's `publish` and `run` say, out of their TOML values."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from coordinator.rules.names import Names
from coordinator.rules.rule import Errand, Publication
from coordinator.rules.template import template
from devices.errors import ConfigurationError, printable
from devices.protocol.topics import check_name

_PUBLISH: Final = ("topic", "text", "retain", "qos")
_RUN: Final = ("file", "args", "hub")
_EXAMPLE: Final = 'write publish = { topic = "notify/phone", text = "${subject}: ${why}" }'


def publication(value: Any, names: Names) -> Publication:
    """Returns what is published.

    Args:
        value: ``{ topic, text, retain, qos }``.
        names: those that the texts may use.

    Raises:
        ConfigurationError: it is none, or its texts mention what there is not.
    """
    table = _table("publish", value, _PUBLISH, _EXAMPLE)
    for key in ("topic", "text"):
        if not isinstance(table.get(key), str) or not table[key]:
            raise ConfigurationError(f"`publish` needs a {key}", remedy=_EXAMPLE)
    retain, qos = table.get("retain", False), table.get("qos", 1)
    if not isinstance(retain, bool):
        raise ConfigurationError("`publish.retain` is true or false", remedy="write retain = true")
    if type(qos) is not int or qos not in (0, 1):
        raise ConfigurationError("`publish.qos` is 0 or 1", remedy="write qos = 1, or leave it out")
    topic, text = template(table["topic"], names), template(table["text"], names)
    return Publication(topic=topic, text=text, retain=retain, qos=qos)


def errand(value: Any, names: Names, folders: tuple[Path, ...]) -> Errand:
    """Returns the function that is run.

    Args:
        value: ``"notify.py"``, ``"notify.py:function"``, or ``{ file, args, hub }``.
        names: those that texts among the arguments may use.
        folders: in which its file is sought, in order.

    Raises:
        ConfigurationError: it is none, or there is no such file.
    """
    table: dict[str, Any] = (
        {"file": value} if isinstance(value, str) else _table("run", value, _RUN, 'write run = "notify.py"')
    )
    said, arguments, hub = table.get("file"), table.get("args", {}), table.get("hub", "")
    if not isinstance(said, str) or not said.partition(":")[0].endswith(".py"):
        raise ConfigurationError("`run` needs the file of a function", remedy='write run = "notify.py:function"')
    if not isinstance(arguments, dict) or not isinstance(hub, str):
        raise ConfigurationError("`run.args` is a table and `run.hub` a text", remedy='write args = { plug = "dryer" }')
    name, _, function = said.partition(":")
    found = next((folder / name for folder in folders if (folder / name).is_file()), None)
    if found is None:
        remedy = f"put it into {' or '.join(map(str, folders))}" if folders else None
        raise ConfigurationError(f"there is no file {printable(name, 100)!r}", remedy=remedy)
    filled = tuple((key, template(each, names) if isinstance(each, str) else each) for key, each in arguments.items())
    return Errand(file=found, function=function, arguments=filled, hub=check_name("hub", hub) if hub else "")


def _table(key: str, value: Any, known: tuple[str, ...], example: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigurationError(f"`{key}` has to be a table", remedy=example)
    for name in value:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            remedy = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}"
            raise ConfigurationError(f"there is no key {printable(name, 60)!r} in `{key}`", remedy=remedy)
    return value
