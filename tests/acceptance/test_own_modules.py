"""A function takes the modules beside its file along, with what has changed in them."""

import json

import pytest
from system import System

FILES = {
    "zones.py": """
import arithmetic
from house import rooms
from midstream import ctx, function


@function
def zones():
    for message in ctx.subscribe("numbers"):
        total = arithmetic.added(int(message.text))
        ctx.publish("totals", {"total": total, "room": rooms.next_room(), "calls": arithmetic.calls})
""",
    "arithmetic.py": '''
from house.names import FACTOR

calls = 0
_total = [0]


def added(number):
    """Adds up, in the module's own state."""
    global calls
    calls += 1
    _total[0] += number * FACTOR
    return _total[0]
''',
    "house/__init__.py": "",
    "house/names.py": "FACTOR = 10\nNAMES = ['hall', 'attic', 'cellar']\n",
    "house/rooms.py": """
from . import names

_walk = iter(names.NAMES * 10)


def next_room():
    return next(_walk)
""",
    "unused.py": "raise RuntimeError('nobody imports it')\n",
}


@pytest.mark.timeout(180)
def test_a_function_with_modules_of_its_own_moves_with_their_state(tmp_path):
    from devices.testing.broker import RawPublisher, Tap

    for name, text in FILES.items():
        path = tmp_path / "code" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    with System(tmp_path) as system, Tap(system.address, "totals") as tap:
        system.command("run", str(tmp_path / "code" / "zones.py"), "--on", "hub-a")
        system.until(lambda: system.instance("zones")["waiting"], "the function listens")
        with RawPublisher(system.address, "device") as device:
            for number, hub in ((1, "hub-b"), (2, "hub-a"), (3, "hub-b")):
                device.publish("numbers", str(number), qos=1)
                tap.wait(lambda _, count=number: len(tap.payloads("totals")) == count, 60)
                system.command("migrate", "zones", "--to", hub)
            device.publish("numbers", "4", qos=1)
            tap.wait(lambda _: len(tap.payloads("totals")) == 4, 60)
        told = [json.loads(payload) for payload in tap.payloads("totals")]
        assert [each["total"] for each in told] == [10, 30, 60, 100]
        assert [each["room"] for each in told] == ["hall", "attic", "cellar", "hall"]
        assert [each["calls"] for each in told] == [1, 2, 3, 4]
        files = system.ask("inspect", "zones")["files"]
        assert set(files) == set(FILES) - {"unused.py"}
