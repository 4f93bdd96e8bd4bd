"""`run` and `restore`: what makes an instance; `unmute`: what lets a branch be heard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from coordinator.cli.options import COMMON, target
from devices.errors import UsageError


@click.command(
    epilog="\b\nExamples:\n  midstream run washer.py\n  midstream run washer.py:washer --name dryer --arg plug=dryer --on nas\n"
    "  midstream run lights.py --once --message 'zigbee2mqtt/bath/occupancy={\"occupancy\": true}'"
)
@click.argument("file", metavar="FILE[:FUNCTION]")
@click.option("--on", "hub", metavar="HUB", default="", help="Where; without it placement decides.")
@click.option(
    "--arg", "arguments", metavar="NAME=VALUE", multiple=True, help="A parameter of the function; repeatable."
)
@click.option("--name", metavar="INSTANCE", default="", help="The instance's name, if not the function's.")
@click.option(
    "--once", is_flag=True, help="Now and once, whatever starts it otherwise: to try a function with a trigger."
)
@click.option(
    "--message", metavar="TOPIC=PAYLOAD", default="", help="With --once: the message that a function with on= gets."
)
@COMMON
def run(file: str, hub: str, arguments: tuple[str, ...], name: str, *, once: bool, message: str, **given: Any) -> None:
    """Starts a function from a Python file as a new instance; it runs until it returns or is stopped.

    The file is read here and travels, with the modules beside it that it imports; nothing has to be copied to the hubs.
    A function with on=, every=, at= or cron= does not start now: each message, or each time, starts it from now on, until
    `midstream stop`. `midstream triggers` shows when, and what became of its runs.
    """
    from devices.runtime.source import read_source

    path, function = split_function(file)
    files = read_source(path).files
    values = dict(_argument(text) for text in arguments)
    topic, payload = _message(message, once=once)
    whom = target(given)
    from coordinator.cli.requests import ask
    from coordinator.cli.showing import started
    from coordinator.views.answers import RunAsk

    asked = RunAsk(
        files=files,
        function=function,
        name=name,
        hub=hub,
        arguments=values,
        once=once,
        topic=topic,
        payload=payload,
    )
    started(ask(whom, "run", asked), as_json=whom.as_json)


@click.command(
    epilog="\b\nExamples:\n  midstream restore washer                 # the newest one of an instance that has ended\n"
    "  midstream restore 01JD3Q7 --as-new       # an older one, as a branch of its own\n"
    "  midstream restore washer washer.py       # one that failed, with the mistake mended\n"
    "  midstream restore 01JD3Q7 --set limit=20 # a branch in which a variable has another value"
)
@click.argument("checkpoint")
@click.argument("file", metavar="[FILE[:FUNCTION]]", required=False, default="")
@click.option(
    "--set",
    "changes",
    metavar="NAME=VALUE",
    multiple=True,
    help="A variable's value, JSON or else a text, in a branch: a local of the innermost frame, FUNCTION.NAME, or a "
    "global; repeatable.",
)
@click.option("--as-new", is_flag=True, help="Always as a new instance, a branch of the old one.")
@click.option("--name", metavar="INSTANCE", default="", help="The branch's name, if not the next free 'washer~2'.")
@click.option("--on", "hub", metavar="HUB", default="", help="Where; without it placement decides.")
@click.option("--unmute", is_flag=True, help="A branch may publish: else it would repeat what was published already.")
@COMMON
def restore(
    checkpoint: str,
    file: str,
    changes: tuple[str, ...],
    *,
    as_new: bool,
    name: str,
    hub: str,
    unmute: bool,
    **given: Any,
) -> None:
    """Goes on from a checkpoint: the newest one under its own name, any other as a branch.

    With FILE it goes on with changed source, at the statement where it stands. A branch publishes nothing until it is
    unmuted; what it would have published is counted.
    """
    from devices.runtime.source import read_source

    path, function = split_function(file)
    files = read_source(path).files if file else {}
    values = dict(_change(text) for text in changes)
    whom = target(given)
    from coordinator.cli.requests import ask
    from coordinator.cli.showing import started
    from coordinator.views.answers import RestoreAsk

    asked = RestoreAsk(
        checkpoint=checkpoint,
        files=files,
        function=function,
        values=values,
        as_new=as_new,
        name=name,
        hub=hub,
        unmute=unmute,
    )
    started(ask(whom, "restore", asked), as_json=whom.as_json)


@click.command(epilog="\b\nExample:\n  midstream unmute washer~2")
@click.argument("instance")
@COMMON
def unmute(instance: str, **given: Any) -> None:
    """Lets a muted instance publish, from where it stands on; what it made before that is not published."""
    whom = target(given)
    from coordinator.cli.requests import ask
    from coordinator.cli.showing import started
    from coordinator.views.answers import InstanceAsk

    started(ask(whom, "unmute", InstanceAsk(instance=instance)), as_json=whom.as_json)


def split_function(text: str) -> tuple[Path, str]:
    """Splits ``FILE[:FUNCTION]``; a file whose name has a colon itself is found as it is."""
    head, colon, function = text.rpartition(":")
    return (Path(head), function) if colon and not Path(text).exists() else (Path(text), "")


def _argument(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise UsageError(f"{text!r} is no argument", place="--arg", remedy="write NAME=VALUE, as in --arg plug=dryer")
    return name, value


def _message(text: str, *, once: bool) -> tuple[str, str]:
    if text and not once:
        raise UsageError("a message is given to one run", place="--message", remedy="say --once too")
    return split_message(text) if text else ("", "")


def split_message(text: str) -> tuple[str, str]:
    """Splits ``TOPIC=PAYLOAD``.

    Raises:
        UsageError: it is none, or the topic is a filter.
    """
    topic, equals, payload = text.partition("=")
    if not equals or not topic or any(sign in topic for sign in "+#{"):
        raise UsageError(
            f"{text!r} is no message", place="--message", remedy="write TOPIC=PAYLOAD, as in --message hall/motion=ON"
        )
    return topic, payload


def _change(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not all(part.isidentifier() for part in name.replace("<locals>", "locals").split(".")):
        raise UsageError(
            f"{text!r} is no change of a variable", place="--set", remedy="write NAME=VALUE, as in limit=20"
        )
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
