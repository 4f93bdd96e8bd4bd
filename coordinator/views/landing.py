"""Where the frames of a function land on changed source, as rows."""

from __future__ import annotations

from coordinator.views.changed import UpgradeFrame
from devices.runtime.python.upgrading.image import Upgrade


def rows(upgrade: Upgrade) -> list[UpgradeFrame]:
    """Returns a row for each frame, outermost first."""
    return [
        UpgradeFrame(
            function=frame.function,
            file=frame.file,
            line=frame.line,
            statement=frame.statement,
            new_line=frame.new_line,
            reason=frame.reason,
            waiting=index >= upgrade.running,
        )
        for index, frame in enumerate(upgrade.frames)
    ]
