"""What differs between Pythons: one flag each, with its evidence."""

from __future__ import annotations

import sys
from typing import Final

MONITORING: Final = sys.version_info >= (3, 12)
"""`sys.monitoring` (PEP 669) exists. From 3.12 on it is also the only way that sees every instruction: the opcode
events of `sys.settrace` go missing for frames that are running already (3.12.1: some; 3.13, 3.14: half of them)."""

LOCALS_ARE_A_PROXY: Final = sys.version_info >= (3, 13)
"""PEP 667: ``frame.f_locals`` looks into the frame. Before, it fills a dict that the frame keeps; objects stay alive
in it until the frame ends, unless it is emptied."""
