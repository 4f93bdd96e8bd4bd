"""Values of a checkpoint as people read them, drawn from the nodes on the wire: nothing is made, nothing is run.

`Heap` draws; `table` says how, by tag; `pen` bounds it. The nodes are those of `devices/protocol/image.cddl`.
"""

from coordinator.cli.drawing.heap import Heap
from coordinator.cli.drawing.pen import Drawn

__all__ = ["Drawn", "Heap"]
