"""`exercise`: prove a function before it is trusted. No broker, no hub: two interpreters on this machine."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import click

from coordinator.cli.starting import split_function, split_message
from devices.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devices.protocol.occasion import Occasion
    from devices.runtime.exercise import Different, Findings
    from devices.runtime.source import Source

_SHOWN = 10  # ways to differ, and reasons, that people are shown; --json has all


@click.command(
    context_settings={"ignore_unknown_options": True},  # those behind --via are its command's own
    epilog="\b\nExamples:\n"
    "  midstream exercise washer.py\n"
    "  midstream exercise prints.py:fingerprint --args '[[1, 2, 3]]'\n"
    "  midstream exercise lights.py --message 'hall/motion=ON'   # what on= would start it with\n"
    "  midstream exercise washer.py --chain 100             # one run, moved a hundred times\n"
    "  midstream exercise washer.py --via python3.13        # started here, gone on with there\n"
    "\b\nExit status: 0 every capture went on as if nothing had been; 1 something differed, or no place could be used;\n"
    "2 usage; 4 refused: the function does not do the same twice by itself.",
)
@click.argument("file", metavar="FILE[:FUNCTION]")
@click.argument("more", nargs=-1, metavar="", type=click.UNPROCESSED)
@click.option("--args", "arguments", metavar="JSON", default="[]", help="A list by position, or an object by name.")
@click.option(
    "--message", metavar="TOPIC=PAYLOAD", default="", help="The message that a function with on= gets, before --args."
)
@click.option(
    "--every", metavar="K", type=click.IntRange(1), default=1, help="Captures at every K-th stop; else at each."
)
@click.option("--limit", metavar="N", type=click.IntRange(1), default=1000, show_default=True, help="Captures.")
@click.option(
    "--chain", metavar="N", type=click.IntRange(0), default=0, help="Instead: moves one run N times in a row."
)
@click.option(
    "--via",
    metavar="COMMAND ...",
    default="",
    help="Goes on under another Python, started by this command line; it stands last.",
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(0, min_open=True),
    default=60.0,
    show_default="60",
    help="For the function to come to its end, uninterrupted.",
)
@click.option("--fresh", is_flag=True, help="Starts a new interpreter for each capture; else forks one that is warm.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, described in docs/schemas.")
def exercise(
    file: str,
    more: tuple[str, ...],
    *,
    arguments: str,
    message: str,
    every: int,
    limit: int,
    chain: int,
    via: str,
    timeout: float,
    fresh: bool,
    as_json: bool,
) -> int:
    """Runs a function, captures it at every statement, goes on from each capture elsewhere, and compares the ends.

    Each capture goes on in a process that has never run the function. Result, exception with the lines of its traceback,
    what is printed and the module's globals must be those of the same function in plain Python. The function may be any
    at the level of the module, decorated or not; sleeps are over at once. It runs about as often as there are captures,
    so let it do nothing to the world outside.
    """
    from devices.runtime.exercise import Exercise, exercise_once
    from devices.runtime.exercising.choice import choose_function
    from devices.runtime.source import read_source

    _only_behind_via(file, more, via)
    path, function = split_function(file)
    args, kwargs = _arguments(arguments)
    source = read_source(path)
    chosen = choose_function(source, function)
    asked = Exercise(
        source,
        chosen,
        args,
        kwargs,
        every=every,
        limit=limit,
        chain=chain,
        timeout=timeout,
        occasion=_occasion(source, chosen, message),
    )
    findings = exercise_once(asked, [*_words(via), *more], fresh=fresh)
    if as_json:
        from coordinator.cli import render

        render.json_document(findings)
    else:
        _show(str(path), asked.function, findings, chain=chain)
    return 0 if findings.taken and not findings.different else 1


def _only_behind_via(file: str, more: tuple[str, ...], via: str) -> None:
    if file.startswith("-"):
        if via:
            raise UsageError(
                f"{file!r} stands where FILE is expected", remedy="FILE comes first, --via COMMAND ... last"
            )
        raise click.NoSuchOption(file)
    if more and not via:
        if more[0].startswith("-"):
            raise click.NoSuchOption(more[0])
        raise UsageError(f"{' '.join(more)!r} belongs to nothing", remedy="only behind --via more words may follow")


def _arguments(text: str) -> tuple[list[Any], dict[str, Any]]:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"it is no JSON: {error}", place="--args", remedy="as in --args '[20, \"hall\"]'") from None
    match given:
        case list():
            return given, {}
        case dict():
            return [], given
    raise UsageError(
        "arguments are a JSON list or object",
        place="--args",
        remedy="""as in --args '[20, "hall"]' or --args '{"room": "hall"}'""",
    )


def _occasion(source: Source, function: str, message: str) -> Occasion | None:
    """The message that the function is started with; of one with on= one must be given."""
    from devices.protocol.occasion import Occasion
    from devices.protocol.topics import matches, segments
    from devices.runtime.function import read_functions

    marked = next((it for it in read_functions(source) if it.name == function), None)
    filters = marked.settings.on if marked is not None else []
    if not message:
        if marked is not None and filters:
            remedy = f"give one, as in --message '{filters[0]}=ON'"
            raise UsageError(f"{function} is started by a message", place=marked.place, remedy=remedy)
        return None
    topic, payload = split_message(message)
    covering = next((it for it in filters if matches(it, topic)), "")
    return Occasion(topic=topic, payload=payload.encode(), qos=1, at=0.0, params=segments(covering, topic))


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        raise UsageError(f"{command!r} cannot be read: {error}", place="--via") from None


def _show(file: str, function: str, findings: Findings, *, chain: int) -> None:
    from coordinator.cli import render, wording

    python = f"Python {findings.python}"
    size = wording.size(findings.bytes_median)
    if chain:
        equal = findings.resumed_equal == findings.taken and not findings.different
        end = "the end is that of a run that was never moved" if equal else "the end is another"
        render.line(f"{function}: moved {findings.taken} times in a row, {size} each; {end} ({python})")
    else:
        render.line(
            f"{function}: {findings.stops} stops, {findings.taken} captures of {size}, "
            f"{findings.resumed_equal} went on equal ({python})"
        )
    if findings.raised:
        when = "when it is not stopped" if findings.different else "in every run"
        render.line(f"the function raised {findings.raised}, {when}")
        if findings.raised.startswith("EOFError"):
            render.line("  standard input is empty here, as it is on a hub")
    if not findings.stops:
        render.line("there was no statement of its own to stop at: it proves nothing")
    for reason, count in list(findings.passed_by.items())[:_SHOWN]:
        render.line(f"  passed by {count} times: {reason}")
    if findings.different:
        _show_differences(findings.different)
        render.line(f"next: 'midstream check {file}' names what cannot travel, or moves badly")


def _show_differences(different: Sequence[Different]) -> None:
    """Each way to differ once, with the place where a run first did so: one cause shows at many stops."""
    from coordinator.cli import render

    ways: dict[tuple[str, str], list[Different]] = {}
    for one in different:
        ways.setdefault((one.expected, one.got), []).append(one)
    for (expected, got), ones in list(ways.items())[:_SHOWN]:
        more = f" (and {len(ones) - 1} more)" if len(ones) > 1 else ""
        render.line(f"different: {ones[0].line} {ones[0].statement}{more}".replace("  ", " "))
        render.line(f"  expected {expected}")
        render.line(f"  got      {got}")
    if len(ways) > _SHOWN:
        render.line(f"and {len(ways) - _SHOWN} other ways to differ: --json has all of them")
