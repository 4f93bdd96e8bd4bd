"""What a hub offers beside its processor: devices that are attached and folders that are there, as of this moment.

A stick is pulled out and a share is not mounted while the hub runs, so this is looked at again with each reading of the
metrics. Paths of the kinds that people attach are told without being asked for; any other one is offered by giving it
a name in ``[devices]`` of `hub.toml`.
"""

from __future__ import annotations

from collections.abc import Mapping
from glob import glob
from itertools import chain
from pathlib import Path
from typing import Final

from devices.hub.config import Data

_USUAL: Final = (
    "/dev/serial/by-id/*",  # the same name whatever else is plugged in
    "/dev/tty[UA][SCM][BMA]*",  # ttyUSB0, ttyACM0, ttyAMA0
    "/dev/video*",
    "/dev/dri/renderD*",
    "/dev/i2c-*",
    "/dev/spidev*",
    "/dev/gpiochip*",
)
_MOST: Final = 64
"""Devices that are told: the info stays a small message."""


def attached(named: Mapping[str, Path]) -> list[str]:
    """Returns the devices that are there: the names that the owner gave, then paths.

    Args:
        named: paths by name, from ``[devices]``.
    """
    own = {name: path for name, path in named.items() if path.exists()}
    paths = sorted({*map(str, own.values()), *chain.from_iterable(map(glob, _USUAL))})
    return [*own, *paths][:_MOST]


def folders(data: Mapping[str, Data]) -> dict[str, str]:
    """Returns the names of the folders that are there, each with how it may be used: ``"r"`` or ``"rw"``."""
    return {name: access for name, (path, access) in data.items() if path.is_dir()}
