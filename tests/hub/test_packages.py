"""Third-party packages: a checkpoint names those that its function imports, and a hub without them refuses it."""

from __future__ import annotations

from importlib import metadata

import msgspec
import pytest
from scripted_coordinator import first_checkpoint

from devices.protocol import answers, commands
from devices.protocol import checkpoint as blobs
from devices.runtime import packages

SOURCE = """
import cbor2, json
from midstream import ctx, function

@function
def counting():
    numbers = ctx.subscribe("in")
    while True:
        numbers.next()
"""


@pytest.fixture(params=["mosquitto"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


async def test_a_checkpoint_names_the_packages_that_the_function_imports(coordinator, hub_a):
    await coordinator.run("counting", "hub-a", SOURCE, "counting")
    told = await coordinator.answer_to("hub-a", coordinator.capture_command("counting"), answers.Captured)
    await coordinator.heard(answers.Captured, lambda it: it.checkpoint == told.checkpoint)
    kept = hub_a.agent.instances.lives["counting"].instance.spool.read(told.checkpoint)
    header, _ = blobs.decode_header(kept)
    assert header.engine.packages == {"cbor2": metadata.version("cbor2")}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"packages": {"cbor2": "1.0"}}, f"has cbor2 {metadata.version('cbor2')}, the function was stopped with 1.0"),
        ({"packages": {"no-such-thing": "3.1"}}, "has no package no-such-thing"),
    ],
)
async def test_a_hub_without_them_refuses_before_the_function_is_stopped_elsewhere(coordinator, hub_a, changed, reason):
    made = first_checkpoint(coordinator.key, "counting", SOURCE, "counting")
    header, _ = blobs.decode_header(made)
    header = msgspec.structs.replace(header, engine=msgspec.structs.replace(header.engine, **changed))
    await refused(coordinator, blobs.encode(header, b"", coordinator.key), reason)


async def test_a_hub_without_what_the_function_says_it_needs_refuses(coordinator, hub_a):
    settings = {"needs": {"packages": ["cbor2>=99"]}}
    made = first_checkpoint(coordinator.key, "counting", SOURCE, "counting", settings=settings)
    await refused(coordinator, made, f"has cbor2 {metadata.version('cbor2')}, >=99 is needed")


async def refused(coordinator, blob: bytes, reason: str) -> None:
    checkpoint = blobs.decode_header(blob)[0].checkpoint
    coordinator.blobs[checkpoint] = blob
    parts = await coordinator.send_blob(checkpoint)
    command = commands.Prepare(
        id="prepare",
        instance="counting",
        checkpoint=checkpoint,
        parts=parts,
        size=len(blob),
        digest=blobs.blob_digest(blob).hex(),
    )
    failed = await coordinator.answer_to("hub-a", command, answers.Failed)
    assert failed.error["message"] == f"hub-a {reason}"
    assert "needs=" in failed.error["remedy"]


def test_a_package_is_found_by_what_is_imported_also_where_it_is_called_otherwise():
    assert packages.behind(["json", "midstream", "importlinter.cli", "no_such_module", "cbor2"]) == {
        "cbor2": metadata.version("cbor2"),
        "import-linter": metadata.version("import-linter"),
    }
