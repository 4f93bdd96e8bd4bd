"""``python -m benchmarks NAME``: measures, and prints a table, or JSON with `--json`. The machine is named in both."""

from __future__ import annotations

import json
import shlex
import sys
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks import machine
from devices.errors import MidstreamError
from devices.protocol.messages import PHASES


@click.group()
def main() -> None:
    """Measures Midstream on this machine."""


@main.command()
@click.option("--moves", metavar="N", type=click.IntRange(1), default=100, help="Moves a size and broker (100).")
@click.option("--size", "sizes", multiple=True, type=click.Choice(["1KB", "1MB", "16MB"]), help="Repeatable; all.")
@click.option("--broker", "brokers", multiple=True, type=click.Choice(["mosquitto", "embedded"]), help="The same.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def migrate(*, moves: int, sizes: tuple[str, ...], brokers: tuple[str, ...], as_json: bool) -> None:
    """The gap of a planned move, by size of the state and by broker."""
    from benchmarks import migrate as measured

    result = measured.run(
        moves=moves,
        sizes=list(sizes or measured.SIZES),
        brokers=list(brokers or ("mosquitto", "embedded")),
    )
    show("migrate", result, as_json=as_json, table=_migrate_table)


@main.command()
@click.option(
    "--rounds", metavar="N", type=click.IntRange(1), default=25, help="Runs of each program in each form (25)."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def engine(*, rounds: int, as_json: bool) -> None:
    """The cost of the normal form against plain Python, of capture and resume, and of a function's process."""
    from benchmarks import engine as measured
    from benchmarks import workers

    result = measured.run(rounds) | workers.run(rounds)
    if as_json:
        print(json.dumps({"machine": machine.describe(), **result}, indent=2))
        return
    show("engine", result, as_json=False, table=_engine_table)


@main.command()
@click.option("--rounds", metavar="N", type=click.IntRange(1), default=20, help="Captures of each, each resumed (20).")
@click.option(
    "--python", metavar="COMMAND", default=shlex.quote(sys.executable), help="A Python with dispatch-py; this one."
)
@click.option("--criu", "criu_command", metavar="COMMAND", default="criu", help="CRIU; needs root.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def peers(*, rounds: int, python: str, criu_command: str, as_json: bool) -> None:
    """The same function captured and resumed by others: dispatch-py's durable coroutines, and CRIU."""
    from benchmarks.peers import run as measured

    result = measured.run(rounds, python=python, criu_command=criu_command)
    show("peers", result, as_json=as_json, table=_peers_table)


@main.command()
@click.option("--resources", metavar="N", type=click.IntRange(50), default=1000, help="Of the smallest plan (1000).")
@click.option("--files", metavar="N", type=click.IntRange(1), default=10_000, help="Of the smallest tree (10000).")
@click.option("--starts", metavar="N", type=click.IntRange(1), default=50, help="Starts of a worker in each form (50).")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def deploy(*, resources: int, files: int, starts: int, as_json: bool) -> None:
    """Permission packages: plan, building a tree at 1x, 2x, 4x, and what a confined start costs. Needs root."""
    from benchmarks import deploy as measured

    result = measured.run(resources=resources, files=files, starts=starts)
    show("deploy", result, as_json=as_json, table=_deploy_table)


@main.command()
@click.option("--seeds", metavar="N", type=click.IntRange(1), default=8, help="Days and exhaustions of each kind (8).")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def forecast(*, seeds: int, as_json: bool) -> None:
    """Exhaustions seen to come and false alarms: a forecast, Holt's trend, a plain threshold, a moving average."""
    from benchmarks.forecasts import run as measured

    show("forecast", measured.run(seeds), as_json=as_json, table=_forecast_table)


@main.command()
@click.option("--rounds", metavar="N", type=click.IntRange(1), default=10, help="Turns of each set of rules (10).")
@click.option("--broker", type=click.Choice(["mosquitto", "embedded", "none"]), default="mosquitto", help="Mosquitto.")
@click.option("--messages", metavar="N", type=click.IntRange(100), default=10_000, help="From the broker (10000).")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def rules(*, rounds: int, broker: str, messages: int, as_json: bool) -> None:
    """Messages a second on one core, through ingest and rules, and from a broker's socket beside bare clients."""
    from benchmarks import rules as measured

    result = measured.run(rounds)
    if broker != "none":
        result["from_a_broker"] = measured.from_a_broker(broker, messages)
    show("rules", result, as_json=as_json, table=_rules_table)


def show(name: str, result: dict[str, Any], *, as_json: bool, table: Any) -> None:
    """Prints a result with the machine that it was taken on."""
    where = machine.describe()
    if as_json:
        print(json.dumps({"machine": where, name: result}, indent=2))
        return
    console = Console()
    console.print(table(result))
    console.print(
        f"{where['processor']}, {where['cores']} cores, {where['memory_gib']} GiB, "
        f"{where['system']}, Python {where['python']}",
        style="dim",
    )


def _engine_table(result: dict[str, Any]) -> Table:
    capture, live = result["capture"], result["live_checkpoint"]
    table = Table(
        title="Time against plain Python",
        caption=f"{capture['frames']} frames, {capture['image_bytes']} bytes: stop to image {capture['to_image_p50_ms']} ms, "
        f"image to statement {capture['to_statement_p50_ms']} ms (medians)\n"
        f"live checkpoint of 64 MB: pause {live['objects']['pause_p50_ms']} ms with objects, "
        f"{live['bytes']['pause_p50_ms']} ms with bytes; blob in hand to statement, with a new worker: "
        f"{result['resume']['first_statement_p50_ms']} ms; "
        f"idle worker: {result['idle_worker']['without_function_pss_mib']} MiB (PSS)",
    )
    table.add_column("program")
    for heading in ("normal form", "after a move"):
        table.add_column(heading, justify="right")
    for name, ratio in result["cost"].items():
        table.add_row(name.replace("_", " "), f"{ratio:.3f}", f"{result['cost_resumed'][name]:.3f}")
    table.add_section()
    table.add_row("geometric mean", f"{result['geomean']:.3f}", f"{result['geomean_resumed']:.3f}")
    return table


def _deploy_table(result: dict[str, Any]) -> Table:
    start = result["start"]
    table = Table(
        title="Permission packages",
        caption=f"a worker with its function loaded: {start['plain_p50_ms']} ms, shut in {start['confined_p50_ms']} ms (medians)",
    )
    for heading in ("", "resources x tasks", "plan, ms", "files", "apply, ms", "next version, ms"):
        table.add_column(heading, justify="right")
    for scale, planned in result["plan"].items():
        applied = result["apply"][scale]
        table.add_row(
            scale,
            f"{planned['resources']} x {planned['tasks']}",
            f"{planned['ms']:.1f}",
            str(applied["files"]),
            f"{applied['ms']:.1f}",
            f"{applied['again_ms']:.1f}",
        )
    return table


def _peers_table(result: dict[str, Any]) -> Table:
    missing = [
        f"{name} is not available here: {sizes['1 KB']['not_available']}"
        for name, sizes in result.items()
        if "not_available" in sizes["1 KB"]
    ]
    table = Table(
        title="The same function captured and resumed",
        caption="\n".join(["in brackets: times what Midstream takes, in the rows above", *missing]),
    )
    for heading in ("with", "state", "bytes", "capture, ms", "resume, ms"):
        table.add_column(heading, justify="left" if heading in ("with", "state") else "right")
    ours: dict[str, Any] = {}
    for name, sizes in result.items():
        table.add_section()
        if name.startswith("midstream"):
            ours = sizes
        for size, figures in sizes.items():
            if "not_available" in figures:
                continue
            cells = []
            for key, form in (("bytes", ",d"), ("capture_ms", ".2f"), ("resume_ms", ".2f")):
                ratio = "" if sizes is ours else f" ({figures[key] / ours[size][key]:.2g})"
                cells.append(f"{figures[key]:{form}}{ratio}")
            table.add_row(" ".join(filter(None, (name, figures.get("version")))), size, *cells)
    return table


def _forecast_table(result: dict[str, Any]) -> Table:
    first, last = result["seeds"]
    table = Table(
        title="Exhaustions known a minute ahead, and alarms about none",
        caption=f"seeds {first} to {last}; thresholds were chosen on {result['tuned_on'][0]} to {result['tuned_on'][1]}",
    )
    for heading in ("alarm", "of", "exhaustions", "known, %", "median lead, s", "days", "false a day"):
        table.add_column(heading, justify="left" if heading in ("alarm", "of") else "right")
    for method, kinds in result["methods"].items():
        table.add_section()
        for kind, score in kinds.items():
            lead = f"{score['median_lead_s']}" if score["median_lead_s"] else ""
            known, false = f"{score['known_percent']:.1f}", f"{score['false_alarms_a_day']:.2f}"
            table.add_row(method, kind, str(score["exhaustions"]), known, lead, f"{score['days']:.1f}", false)
    return table


def _rules_table(result: dict[str, Any]) -> Table:
    slower = "\n".join(f"{more}: {percent} % slower" for more, percent in result["slower_percent"].items())
    table = Table(title="Messages a second on one core", caption=f"{result['payload_bytes']} bytes each\n{slower}")
    table.add_column("with")
    table.add_column("messages", justify="right")
    for name, rate in result["messages_a_second"].items():
        table.add_row(name, f"{rate:,}")
    table.add_section()
    for name, rate in result.get("from_a_broker", {}).items():
        table.add_row(f"from a broker: {name}", f"{rate:,}")
    return table


def _migrate_table(result: dict[str, Any]) -> Table:
    table = Table(title="Gap of a planned move, ms: last statement on one hub to first on the other")
    for heading in ("broker", "state", "p50", "p99", "moves", *PHASES):
        table.add_column(heading, justify="left" if heading in ("broker", "state") else "right")
    for broker, sizes in result.items():
        for size, figures in sizes.items():
            phases = [f"{figures['phases'][phase]:.1f}" if phase in figures["phases"] else "" for phase in PHASES]
            table.add_row(
                broker, size, f"{figures['p50_ms']:.1f}", f"{figures['p99_ms']:.1f}", str(figures["moves"]), *phases
            )
    return table


if __name__ == "__main__":
    try:
        main()
    except MidstreamError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
