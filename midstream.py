"""The front door: what a function's author imports.

    from midstream import function, ctx

    @function
    def washer(plug: str = "washer"):
        for message in ctx.subscribe(f"tele/{plug}/SENSOR"):
            print(message.number("ENERGY.Power", default=0.0))

``python -m midstream`` is the command line. Names are loaded when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from devices.runtime.context import ctx
    from devices.runtime.function import function
    from devices.runtime.message import Message
    from devices.runtime.per_hub import per_hub
    from devices.runtime.subscription import Subscription

__all__ = ["Message", "Subscription", "ctx", "function", "per_hub"]

_HOMES = {
    "Message": "devices.runtime.message",
    "per_hub": "devices.runtime.per_hub",
    "Subscription": "devices.runtime.subscription",
    "ctx": "devices.runtime.context",
    "function": "devices.runtime.function",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return [*__all__, "__doc__", "__name__"]


if __name__ == "__main__":
    from coordinator.cli.main import main

    main()
