"""What `from midstream import ...` gives: complete, documented, typed, and loaded on first use."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import midstream

ROOT = Path(__file__).parents[2]

TYPED = """
from datetime import datetime

from midstream import Message, Subscription, ctx, function, per_hub

@per_hub
def shelf(path: str) -> dict[str, int]:
    return {}

@function
def bare(plug: str = "a") -> None: ...

@function(checkpoint="1m", failover="auto", needs={"labels": ["big"]}, priority=1)
def told(plug: str = "a") -> int:
    return 1

reveal_type(told("b"))
reveal_type(shelf("x"))
heard: Subscription = ctx.subscribe("a", keep="latest", retained=False)
for message in heard:
    reveal_type(message)
reveal_type(heard.latest)
got = ctx.next("6m", where=lambda m: m.retained)
if got is not None:
    reveal_type(got.number("a"))
    reveal_type(got.number("a", default=None))
    reveal_type(got.number("a", "none"))
    reveal_type(got.time)
reveal_type(ctx.now())
reveal_type(ctx.checkpoint())
ctx.sleep("1h")
ctx.sleep(until=datetime.now())
ctx.publish("a", {"b": 1}, retain=True)
ctx.status("x", progress=0.5, n=1)
"""
REVEALED = [
    "int", "dict[str, int]", "Message", "Message | None", "float", "float | None", "float | str", "datetime", "datetime", "str",
]  # fmt: skip


def test_the_front_door_is_what_exists():
    assert sorted(midstream.__all__) == ["Message", "Subscription", "ctx", "function", "per_hub"]
    assert set(midstream.__all__) <= set(dir(midstream))
    with pytest.raises(AttributeError, match="mailbox"):
        _ = midstream.mailbox


@pytest.mark.parametrize("name", ["ctx", "Message", "Subscription", "function", "per_hub"])
def test_everything_behind_it_is_documented(name):
    found = getattr(midstream, name)
    kind = type(found) if name == "ctx" else found
    members = [member for member in dir(kind) if not member.startswith("_")] if isinstance(kind, type) else []
    assert inspect.getdoc(kind)
    for member in members:
        if member not in getattr(kind, "__struct_fields__", ()):
            assert inspect.getdoc(getattr(kind, member)), f"{name}.{member}"


def test_importing_it_loads_nothing_until_a_name_is_used():
    script = "import sys, midstream; print([name for name in sys.modules if name.startswith(('devices', 'msgspec'))])"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_type_checker_knows_what_each_call_gives(tmp_path):
    program = tmp_path / "typed.py"
    program.write_text(TYPED)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--config-file=", str(program)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    notes = [line.rpartition('"')[0].partition('"')[2] for line in done.stdout.splitlines() if "Revealed" in line]
    plain = [note.replace("devices.runtime.message.", "").replace("datetime.datetime", "datetime") for note in notes]
    assert done.returncode == 0, done.stdout + done.stderr
    assert [note.replace("builtins.", "") for note in plain] == REVEALED


@pytest.mark.parametrize("use", ["ctx.now()", "ctx.hub", "ctx.subscribe('a')", "ctx.next()", "ctx.sleep(1)"])
def test_outside_of_a_running_function_ctx_says_where_it_works(use):
    script = f"from midstream import ctx\ntry:\n    {use}\nexcept Exception as error:\n    print(error)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "midstream run" in done.stdout
