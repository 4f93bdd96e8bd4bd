"""How each answer of the coordinator looks to a person: columns, cells and facts, without any printing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from rich.text import Text

from coordinator.cli import render, wording
from coordinator.cli.render import Column
from coordinator.views.answers import HubRow, IfLostRow, InstanceRow, LogRow, StartedAnswer
from devices.errors import printable
from devices.protocol.messages import Event


def state(word: str) -> Text:
    """A state in its colour."""
    return Text(word, style=wording.STATE_STYLES.get(word, ""))


INSTANCE_COLUMNS: Final = (
    Column("instance"),
    Column("hub"),
    Column("state"),
    Column("since", right=True),
    Column("line"),
    Column("waiting for", flexible=True),
    Column("status", flexible=True),
    Column("lag", right=True),
    Column("dropped", right=True),
    Column("qos", right=True),
    Column("memory", right=True),
    Column("checkpoint", right=True),
)


def instance_cells(row: InstanceRow) -> list[Text | str]:
    """One row of `ps`."""
    return [
        row.instance + (f" (muted, {row.withheld} withheld)" if row.muted else ""),
        row.hub or wording.NOTHING,
        state(row.state),
        wording.since(row.since),
        row.line or wording.NOTHING,
        row.waiting or wording.NOTHING,
        " ".join(filter(None, (row.text, wording.pairs(row.values)))) or wording.NOTHING,
        _worrying(row.lag, 0),
        _worrying(row.dropped, 0),
        wording.NOTHING if row.input_qos is None else _worrying(row.input_qos, 1, below=True),
        wording.size(row.memory),
        wording.duration(row.checkpoint_age),
    ]


def _worrying(value: int, fine: int, *, below: bool = False) -> Text:
    bad = value < fine if below else value > fine
    return Text(str(value), style="yellow" if bad else "")


def instance_facts(row: InstanceRow) -> Iterator[tuple[str, Text | str]]:
    """All about one instance."""
    yield "instance", row.instance
    yield "function", row.function + (f", declared in {row.declared}/functions.toml" if row.declared else "")
    yield "state", state(row.state) + Text(f" for {wording.since(row.since)}")
    yield "reason", row.reason
    yield "hub", f"{row.hub} (epoch {row.epoch}, {row.moves} moves)" if row.hub else ""
    yield "line", row.line
    yield "waiting for", row.waiting
    yield "status", " ".join(filter(None, (row.text, wording.pairs(row.values))))
    yield "progress", "" if row.progress is None else wording.percent(row.progress * 100)
    yield "unread", f"{row.lag} messages, {row.dropped} dropped"
    yield "inputs", "" if row.input_qos is None else _input_qos(row.input_qos)
    yield "uses", f"{wording.percent(row.cpu)} of a core, {wording.size(row.memory)}" if row.memory else ""
    yield "checkpoint", _checkpoint(row)
    yield "fits", _fits(row)
    yield "outputs", _muted(row) if row.muted else ""
    yield "result", "" if row.result is None else json.dumps(row.result, ensure_ascii=False)
    yield "error", row.error


def _fits(row: InstanceRow) -> str:
    others = "; ".join(f"not {hub}: it {reason}" for hub, reason in sorted(row.unfit.items()))
    return "; ".join(filter(None, (", ".join(row.places) or "nowhere", others))) if row.places or row.unfit else ""


def _muted(row: InstanceRow) -> str:
    return f"muted, {row.withheld} withheld here: `midstream unmute {row.instance}` lets it publish"


def _input_qos(qos: int) -> str:
    return f"QoS {qos}: acknowledged once durable" if qos else "QoS 0: what comes while no hub is connected may be lost"


def _checkpoint(row: InstanceRow) -> str:
    if not row.checkpoint:
        return ""
    age = f", {wording.duration(row.checkpoint_age)} old" if row.checkpoint_age is not None else ""
    return f"{row.checkpoint}, {wording.size(row.checkpoint_bytes)}{age}, one of {row.checkpoints}"


HUB_COLUMNS: Final = (
    Column("hub"),
    Column("state"),
    Column("functions", flexible=True),
    Column("cpu", right=True),
    Column("load", right=True),
    Column("memory", right=True),
    Column("disk", right=True),
    Column("temperature", right=True),
    Column("battery", right=True),
    Column("agent", right=True),
    Column("spool", right=True),
    Column("version"),
)


def hub_cells(row: HubRow) -> list[Text | str]:
    """One row of `hubs`."""
    return [
        row.hub,
        state(row.state),
        ", ".join(row.instances) or wording.NOTHING,
        wording.percent(row.cpu),
        wording.NOTHING if row.load is None else f"{row.load:.2f}",
        wording.percent(row.memory),
        wording.percent(row.disk),
        wording.degrees(row.temperature),
        wording.percent(row.battery),
        wording.size(row.agent_memory),
        wording.size(row.spool_written),
        row.version,
    ]


def hub_facts(row: HubRow) -> Iterator[tuple[str, Text | str]]:
    """All about one hub."""
    yield "hub", row.hub
    yield "state", state(row.state) + Text(f" for {wording.since(row.since)}")
    yield "reason", row.reason
    yield "power", "may be switched off" if row.safe_to_power_off else ""
    yield "in the way", "; ".join(row.in_the_way)
    yield "functions", ", ".join(row.instances) or "none"
    yield "machine", f"{row.arch}, {row.cores} cores, {wording.size(row.memory_bytes)}" if row.arch else ""
    yield "software", f"midstream {row.version}, Python {row.python}, engines {', '.join(row.engines)}"
    yield "labels", ", ".join(row.labels)
    yield "data", ", ".join(f"{name} ({access})" for name, access in row.data.items())
    yield "devices", ", ".join(row.devices)
    yield "for functions", ", ".join(_let_to_functions(row))
    yield "cost", f"{row.cost:g} an hour" if row.cost else ""
    yield "cpu", "" if row.cpu is None else f"{wording.percent(row.cpu)}, load {row.load}"
    yield "memory", "" if row.memory is None else wording.percent(row.memory)
    yield "disk", "" if row.disk is None else wording.percent(row.disk)
    yield "temperature", "" if row.temperature is None else wording.degrees(row.temperature)
    mains = {True: ", on mains", False: ", no mains", None: ""}[row.mains]
    yield "battery", "" if row.battery is None else wording.percent(row.battery) + mains
    yield "agent", "" if row.agent_memory is None else wording.size(row.agent_memory)
    yield "spool", "" if row.spool_written is None else f"{wording.size(row.spool_written)} written since its start"
    yield "metrics", "" if row.metrics_age is None else f"{wording.duration(row.metrics_age)} old"


def _let_to_functions(row: HubRow) -> Iterator[str]:
    if row.functions_memory:
        yield wording.size(row.functions_memory)
    if row.functions_cpu:
        yield f"{row.functions_cpu:g} cores"


IF_LOST_COLUMNS: Final = (
    Column("instance"),
    Column("failover"),
    Column("goes to"),
    Column("checkpoint", right=True),
    Column("lost", flexible=True),
    Column("why", flexible=True),
)


def if_lost_cells(row: IfLostRow) -> list[Text | str]:
    """One row of `hubs --if-lost`."""
    return [
        row.instance,
        row.failover,
        row.goes_to or wording.NOTHING,
        f"{wording.duration(row.checkpoint_age)} old" if row.checkpoint_age is not None else wording.NOTHING,
        Text(row.lost, style="yellow") if row.lost else "nothing",
        row.why,
    ]


def started(answer: StartedAnswer, *, as_json: bool) -> None:
    """Says that something runs, where, and why there."""
    if as_json:
        render.json_document(answer)
        return
    if answer.trigger:
        render.line(f"{answer.instance} starts {printable(answer.why)}")
        return
    branch = f", a branch of {answer.branch_of}" if answer.branch_of else ""
    muted = ", its outputs muted" if answer.muted else ""
    render.line(f"{answer.instance} runs on {answer.hub}{branch}{muted}")
    if answer.why:
        render.line(Text(f"  {printable(answer.why)}", style="dim"))
    for sentence in only_fits(answer.places, answer.unfit):
        render.line(Text(f"  {sentence}", style="yellow"))


def only_fits(places: list[str], unfit: dict[str, str]) -> list[str]:
    """A sentence if only one hub can have a function, or none: to be known at its start, not when that hub has died."""
    if len(places) > 1 or not unfit:
        return []
    others = "; ".join(f"{hub} {reason}" for hub, reason in sorted(unfit.items()))
    return [f"only {places[0]} fits: {others}" if places else f"no hub fits: {others}"]


_LEVEL_STYLES: Final = {"warning": "yellow", "error": "red", "critical": "bold red", "debug": "dim"}
_SEVERITY_STYLES: Final = {"warning": "yellow", "problem": "bold red"}


def event_line(event: Event) -> Text:
    """An event in one line: when, which rule, about what, what was done and why."""
    text = Text(f"{wording.clock(event.at)}  ", style="dim")
    text.append(event.rule, style=_SEVERITY_STYLES.get(event.severity, "bold"))
    for part in event_parts(event):
        text.append(f"  {printable(part)}", style="")
    return text


def event_parts(event: Event) -> list[str]:
    """The parts of an event's sentence that it has."""
    measured = ""
    if event.value is not None:
        against = f" ({event.threshold:g})" if event.threshold is not None else ""
        measured = f"{event.metric} {event.value:g}{against}".strip()
    return [part for part in (event.subject, measured, event.did, event.why) if part]


def log_line(row: LogRow) -> Text:
    """A line of a function's log: when, where, how serious, and what it said."""
    text = Text(f"{wording.clock(row.at)}  ", style="dim")
    if row.hub:
        text.append(f"{row.hub}  ", style="cyan")
    text.append(printable(row.text), style=_LEVEL_STYLES.get(row.level.lower(), ""))
    return text
