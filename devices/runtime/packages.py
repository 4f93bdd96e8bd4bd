"""Which distributions a function's files stand on: a Python that has them installed can tell.

It is asked in every worker, and most functions import nothing but the standard library; so nothing is loaded, or looked
through, before there is something to look for.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from importlib import metadata

_OURS: Final = frozenset({"midstream", "devices", "coordinator"})


def behind(modules: Iterable[str]) -> dict[str, str]:
    """Returns the distributions that modules come from, and their versions, by canonical name (PEP 503).

    Args:
        modules: names of installed modules that a program imports; what is not there stands for nothing.
    """
    packages = {name.partition(".")[0] for name in modules} - sys.stdlib_module_names - _OURS
    return dict(sorted(found for package in sorted(packages) for found in _distributions(package)))


def _distributions(package: str) -> Iterator[tuple[str, str]]:
    from importlib import metadata

    try:
        names = [package] if _holds(metadata.distribution(package), package) else []
    except metadata.PackageNotFoundError:
        names = []
    if not names:  # `PIL` is pillow's; looking for it is slow
        names = metadata.packages_distributions().get(package, [])
    for name in names:
        yield re.sub(r"[-_.]+", "-", name).lower(), metadata.version(name)


def _holds(distribution: metadata.Distribution, package: str) -> bool:
    return any(file.parts[0] in {package, f"{package}.py"} for file in distribution.files or ())
