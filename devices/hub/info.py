"""What a hub is and can do, as it tells at each connection; placement reads it."""

from __future__ import annotations

import os
import platform
from bisect import bisect_right
from importlib import metadata
from itertools import accumulate
from typing import Final

import msgspec
import psutil
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from packaging.utils import canonicalize_name

from devices.hub import deployment, offers
from devices.hub.config import HubConfig
from devices.protocol import limits, sealing
from devices.protocol.messages import HubInfo
from devices.version import __version__

_PACKAGES: Final = 12 * limits.KIB
"""Bytes of the list of installed packages."""


def of(config: HubConfig, key: Ed25519PrivateKey) -> HubInfo:
    """Returns what a hub says of itself.

    Args:
        config: its settings.
        key: its own, of which the public half is told.
    """
    packages, left_out = _packages()
    return HubInfo(
        hub=config.name,
        version=__version__,
        arch=platform.machine(),
        cores=os.cpu_count() or 1,
        memory=psutil.virtual_memory().total,
        python=platform.python_version(),
        engines=["python"],
        labels=config.labels,
        packages=packages,
        packages_left_out=left_out,
        key=sealing.public_bytes(key).hex(),
        spool=str(config.spool),
        lease=config.lease,
        metrics_every=config.metrics_every,
        takes_occasions=True,
        devices=offers.attached(config.devices),
        data=offers.folders(config.data),
        functions_memory=config.functions_memory,
        functions_cpu=config.functions_cpu,
        cost=config.cost,
        permissions=deployment.ability(),
    )


def news(info: HubInfo, config: HubConfig) -> HubInfo | None:
    """Returns what a hub says of itself now, if that is another thing than it said; the rest of it does not change."""
    now = msgspec.structs.replace(info, devices=offers.attached(config.devices), data=offers.folders(config.data))
    return None if now == info else now


def _packages() -> tuple[dict[str, str], int]:
    """Returns the installed distributions and their versions, as many as fit, and how many do not."""
    every = sorted({(canonicalize_name(it.name), it.version) for it in metadata.distributions() if it.name})
    room = list(accumulate((len(name) + len(version) + 6 for name, version in every), initial=0))[1:]
    listed = bisect_right(room, _PACKAGES)
    return dict(every[:listed]), len(every) - listed
