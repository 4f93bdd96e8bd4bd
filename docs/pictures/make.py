"""Draws the README's pictures from real runs on this machine: ``python docs/pictures/make.py``."""

from __future__ import annotations

import asyncio
import io
import re
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from coordinator.cli import live
from coordinator.cli.evidence import holds
from coordinator.cli.installation import HubPlan, Installation, Plan, broker_for
from coordinator.cli.options import Target
from coordinator.cli.performance import function_file, perform
from coordinator.cli.picture import Picture
from coordinator.cli.requests import Requests
from coordinator.cli.running import beside
from coordinator.cli.story import Story
from coordinator.views import answers
from devices.simulators import heat, house

HERE = Path(__file__).parent
WIDTH = 120
FORMAT = re.sub(r"@font-face \{\{.*?\n    \}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
"""Rich's picture without the fonts that it would fetch from elsewhere: the reader's own fixed font does as well."""


def paper(height: int) -> Console:
    """A console that remembers what is printed on it."""
    return Console(record=True, width=WIDTH, height=height, file=io.StringIO(), highlight=False, markup=False)


async def demo() -> None:
    """The demo's story."""
    console = paper(40)
    with tempfile.TemporaryDirectory() as folder:
        story = Story(console)
        proof = await perform(Path(folder), story, broker=None, embedded=False)
        story.proved(proof)
    assert holds(proof), proof
    console.save_svg(str(HERE / "demo.svg"), title="midstream demo", code_format=FORMAT)


async def view(folder: Path) -> None:
    """The live view of `up`, with two functions and a move."""
    sensors = {hub: folder / hub for hub in ("hub-a", "hub-b")}
    for hub, celsius in (("hub-a", 61.5), ("hub-b", 47.0)):
        heat.show(sensors[hub], celsius)
    hubs = tuple(HubPlan(hub, ("--metrics-every", "1s", "--temperature", str(file))) for hub, file in sensors.items())
    plan = Plan(folder=folder, prefix="midstream", hubs=hubs)
    with broker_for(plan) as (address, broker):
        system = Installation(plan, address, broker, Picture("midstream"))
        try:
            system.start_parts()
            await beside(_played(system), system.watch(), system.guard())
        finally:
            await system.stop()


async def _played(system: Installation) -> None:
    await system.until(system.ready, "the parts did not come")
    plug = "plug"
    async with Requests(Target(system.address, "midstream", as_json=True)) as requests:
        for file, arguments in ((function_file(), {"readings": "100000"}), (_example("washer"), {"plug": plug})):
            await requests.ask(
                "run", answers.RunAsk(files={file.name: file.read_text()}, hub="hub-a", arguments=arguments)
            )
        devices = asyncio.create_task(
            house.simulate(system.address, house.furnish(), every=0.2, log=lambda _: None), name="devices"
        )
        try:
            await system.until(lambda: "heard" in system.picture.instances["household"].values, "nothing was heard")
            await requests.ask("migrate", answers.PlaceAsk(instance="household", hub="hub-b"))
            await system.until(lambda: _goes_on(system, "household", "hub-b"), "it did not go on")
            console = paper(22)
            title = f"{system.broker} at mqtt://127.0.0.1:1883"
            footer = ("q leaves", "another terminal: midstream ps, run, migrate")
            console.print(live.view(system.picture, title=title, footer=footer, height=22))
            console.save_svg(str(HERE / "live.svg"), title="midstream up", code_format=FORMAT)
        finally:
            devices.cancel()
            await asyncio.gather(devices, return_exceptions=True)


def _goes_on(system: Installation, instance: str, hub: str) -> bool:
    state = system.picture.instances[instance]
    return state.hub == hub and state.state == "running" and bool(state.values) and bool(state.waiting)


def _example(name: str) -> Path:
    return HERE.parents[1] / "examples" / f"{name}.py"


def main() -> None:
    """Both pictures."""
    asyncio.run(demo())
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(view(Path(folder)))


if __name__ == "__main__":
    main()
