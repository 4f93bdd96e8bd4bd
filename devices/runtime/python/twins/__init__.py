"""Twins, in Python, of those parts of `itertools` whose state cannot be read.

Up to Python 3.13 most iterators of `itertools` tell their state (``__reduce__``); 3.14 took that away (gh-101588), and
``pairwise`` and ``batched`` never had it. A program that imports `itertools` gets a module in which those, and those
alone, are classes written in Python. They do what C's do, step by step: which iterator is asked first, what an exception
leaves behind. They have the same names and the same ``repr``, and travel in the form in which C's travel up to 3.13, so
that images go both ways.

What cannot be the same: they are slower, tracebacks through them show their lines, and an iterator that a library has
made with C's is none of the twin's type (``isinstance``); it cannot travel either.
"""

from __future__ import annotations

import itertools
from types import ModuleType
from typing import Any, Final

from devices.runtime.python.twins import choosing, combining, joining, sharing, unending  # noqa: F401  (which enter themselves)
from devices.runtime.python.twins.shape import TWINS

_TWINNED: Final = {
    name: twin for name, twin in TWINS.items() if "__reduce__" not in vars(getattr(itertools, name, twin))
}
TYPES: Final = frozenset(_TWINNED.values())
"""The classes of the twins that are in use on this Python."""


def _stand_in() -> ModuleType:
    module = ModuleType(itertools.__name__)
    module.__dict__.update(vars(itertools))
    functions: dict[str, Any] = {"tee": sharing.tee} if "_tee" in _TWINNED else {}
    module.__dict__.update({name: twin for name, twin in (_TWINNED | functions).items() if hasattr(itertools, name)})
    return module


STAND_INS: Final[dict[str, ModuleType]] = {itertools.__name__: _stand_in()}
"""The modules that programs get instead of those of these names."""


def maker(name: str) -> Any:
    """Returns the type of `itertools`, or its twin, that iterators of a name are made with on this Python."""
    return _TWINNED.get(name) or getattr(itertools, name)
