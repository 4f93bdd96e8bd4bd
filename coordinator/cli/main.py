"""`midstream`: the table of commands, and the one place where an error becomes a line on stderr and an exit status.

A command's module is imported when the command runs, and the help of the whole stands in the table, so that
`midstream --help` costs the import of click and nothing else. A test holds that price.
"""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module
from typing import Any, Final, NamedTuple

import click

from coordinator.cli.options import COMMON
from devices.errors import MidstreamError, UsageError, printable
from devices.version import __version__

INTERRUPTED: Final = 128 + signal.SIGINT


class Entry(NamedTuple):
    """A command: where its code is, and what it is for in one line."""

    module: str
    attribute: str
    purpose: str


_PARTS: Final = "coordinator.cli.parts"
SECTIONS: Final[dict[str, dict[str, Entry]]] = {
    "See it work": {
        "demo": Entry(
            "coordinator.cli.demo", "demo", "Prove in half a minute that a function moves and loses nothing."
        ),
        "up": Entry("coordinator.cli.up", "up", "The whole system on this machine, with a live view."),
    },
    "Functions": {
        "check": Entry(
            "coordinator.cli.check", "check", "Say what in a function cannot travel or be stopped at, before it is run."
        ),
        "exercise": Entry(
            "coordinator.cli.exercise", "exercise", "Stop a function everywhere, go on elsewhere, compare: the proof."
        ),
        "run": Entry("coordinator.cli.starting", "run", "Start a function from a file."),
        "apply": Entry("coordinator.cli.apply", "apply", "Bring about what functions.toml declares; asks before."),
        "ps": Entry("coordinator.cli.instances", "ps", "Which functions run where, and what they wait for."),
        "triggers": Entry(
            "coordinator.cli.triggers", "triggers", "What messages and times start, when next, and what was missed."
        ),
        "checkpoint": Entry("coordinator.cli.instances", "checkpoint", "Make an instance's state durable now."),
        "suspend": Entry("coordinator.cli.instances", "suspend", "Stop an instance where it stands, to go on later."),
        "resume": Entry("coordinator.cli.instances", "resume", "Let a suspended instance go on, here or elsewhere."),
        "migrate": Entry(
            "coordinator.cli.instances", "migrate", "Move a running instance to another hub (also: move)."
        ),
        "upgrade": Entry("coordinator.cli.upgrade", "upgrade", "Go on with changed source, where the function stands."),
        "place": Entry("coordinator.cli.place", "place", "Where a function could go, with points and reasons."),
        "stop": Entry("coordinator.cli.instances", "stop", "End an instance for good; its checkpoints stay."),
        "logs": Entry("coordinator.cli.streams", "logs", "What an instance printed."),
        "why": Entry("coordinator.cli.why", "why", "Why an instance moved, stopped, failed, or is where it is."),
    },
    "Checkpoints": {
        "lineage": Entry("coordinator.cli.lineage", "lineage", "The tree of an instance's checkpoints."),
        "inspect": Entry(
            "coordinator.cli.inspect",
            "inspect",
            "Look into a checkpoint: where the function stands, its values, its mailbox.",
        ),
        "restore": Entry(
            "coordinator.cli.starting", "restore", "Go on from a checkpoint, also an older or edited one."
        ),
        "unmute": Entry("coordinator.cli.starting", "unmute", "Let a branch publish."),
    },
    "Hubs": {
        "hubs": Entry("coordinator.cli.hubs", "hubs", "Which hubs there are, and how they are."),
        "devices": Entry("coordinator.cli.devices", "devices", "Every device that was heard, and what it says."),
        "pause": Entry("coordinator.cli.pause", "pause", "Have nothing move by itself until you say so."),
        "drain": Entry("coordinator.cli.drain", "drain", "Empty a hub and say when its plug may be pulled."),
        "deploy": Entry("coordinator.cli.deploy", "deploy", "Divide a hub's files among functions, from a site file."),
        "events": Entry("coordinator.cli.streams", "events", "What happened, what was done about it and why."),
    },
    "Rules": {
        "rules": Entry(
            "coordinator.cli.rules", "rules", "What each rule sees now; check them; try them on a recording."
        ),
        "record": Entry(
            "coordinator.cli.record", "record", "Write down what is said on the broker, to try rules on it."
        ),
    },
    "The parts, each alone, for a real installation": {
        "broker": Entry(_PARTS, "broker", "An MQTT broker with Midstream's settings."),
        "coordinator": Entry(_PARTS, "coordinator", "The coordinator: rules, lineage, moves."),
        "hub": Entry(_PARTS, "hub", "A hub agent: runs functions on this machine."),
        "simulate": Entry(_PARTS, "simulate", "Devices that publish as real firmware does."),
    },
    "This command": {
        "completion": Entry("coordinator.cli.completion", "completion", "Completion for bash, zsh or fish."),
    },
}
COMMANDS: Final = {name: entry for section in SECTIONS.values() for name, entry in section.items()}
ALIASES: Final = {"move": "migrate"}


class Commands(click.Group):
    """A group that knows its commands by name and imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Returns the names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        """Imports a command."""
        entry = COMMANDS.get(ALIASES.get(cmd_name, cmd_name))
        if entry is None:
            return None
        command: click.Command = getattr(import_module(entry.module), entry.attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command; a misspelt one is answered with the nearest name."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS and args[0] not in ALIASES:
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=1)
            hint = f"did you mean 'midstream {near[0]}'?" if near else "'midstream --help' lists them"
            raise click.UsageError(f"there is no command {args[0]!r}; {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Writes the table of commands without importing one."""
        width = max(map(len, COMMANDS))
        for title, entries in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), entry.purpose) for name, entry in entries.items()])


EPILOG: Final = """\
\b
Examples:
  midstream                                  is all well, and what is to be done
  midstream demo                             the proof, nothing left behind
  midstream up --broker mqtt://mqtt.lan      hubs on your own broker
  midstream run washer.py --arg plug=dryer
  midstream migrate washer --to nas
  midstream ps --json | jq '.[].hub'

\b
Exit status: 0 ok, 1 the thing asked for failed, 2 usage, 3 broker or coordinator not reachable, 4 refused.
Environment: MIDSTREAM_BROKER, MIDSTREAM_PREFIX, MIDSTREAM_CONFIG.
"""


@click.group(
    cls=Commands,
    invoke_without_command=True,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
@click.version_option(__version__, message="midstream %(version)s")
@COMMON
@click.pass_context
def cli(ctx: click.Context, /, **given: Any) -> int | None:
    """Moves running Python functions between the small computers of a home, in the middle of a loop, over MQTT.

    Without a command: is all well, and if not, which one thing is to be done?
    """
    ctx.obj = given
    if ctx.invoked_subcommand is not None:
        return None
    from coordinator.cli.overview import overview

    return overview(given)


def complain(error: MidstreamError) -> None:
    """Writes an error for people: ``error: <place>: <message>``, and the remedy on its own line."""
    place = f"{error.place}: " if error.place else ""
    click.echo(printable(f"error: {place}{error.message}"), err=True)
    if error.remedy:
        click.echo(printable(f"  {error.remedy}"), err=True)


def _first_of(group: ExceptionGroup[Exception]) -> MidstreamError | None:
    """The error that a person can mend, among those that tasks beside each other raised; ``None`` if one is a fault."""
    mendable, faults = group.split(MidstreamError)
    leaf: BaseException | None = mendable
    while isinstance(leaf, BaseExceptionGroup):
        leaf = leaf.exceptions[0]
    return leaf if isinstance(leaf, MidstreamError) and faults is None else None


def _help_line(error: click.ClickException) -> str | None:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"'{context.command_path} --help' tells more" if context else None


def call(arguments: list[str] | None = None) -> int:
    """Runs one command and returns the exit status; every error that is a person's to mend becomes two lines."""
    try:
        answer = cli.main(arguments, prog_name="midstream", standalone_mode=False)
        sys.stdout.flush()
    except MidstreamError as error:
        complain(error)
        return error.exit_status
    except ExceptionGroup as group:
        first = _first_of(group)
        if first is None:
            raise
        complain(first)
        return first.exit_status
    except click.ClickException as error:
        complain(UsageError(error.format_message(), remedy=_help_line(error)))
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:  # `midstream ps | head -1`: the reader has what it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return answer if isinstance(answer, int) else 0


def main() -> None:
    """The entry point."""
    sys.exit(call())
