"""Where a function fits, and why not elsewhere: the same for the topic, the command line and the page."""

from __future__ import annotations

from collections.abc import Mapping

from coordinator.ingest.hubs import Hubs
from coordinator.placement.requirements import Requirements, why_not
from coordinator.placement.reservations import NOTHING, Promise


def places(hubs: Hubs, wanted: Requirements, promised: Mapping[str, Promise]) -> tuple[list[str], dict[str, str]]:
    """Returns the hubs that fit now, and for each of the others why it does not, in words that follow its name.

    Args:
        hubs: as they are now.
        wanted: by the function.
        promised: what each hub owes to others.
    """
    reasons = {hub.name: why_not(hub, wanted, promised.get(hub.name, NOTHING)) for hub in hubs.every()}
    fit = [hub for hub, reason in reasons.items() if not reason]
    return fit, {hub: reason for hub, reason in reasons.items() if reason}
