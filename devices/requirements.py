"""Whether a hub has the packages that a function needs.

A checkpoint names the distributions that the function's files import, and their versions. Where it goes on the versions
must be compatible: of the same major release (of the same minor one below 1.0), as semantic versioning has it, in either
direction. What `@function(needs={"packages": [...]})` says of a package counts instead. Specifiers are those of PEP 440,
requirements those of PEP 508.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import metadata

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version


def installed(name: str) -> str | None:
    """Returns the version of a distribution that is installed here; ``None``: it is not."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def unmet(needs: Iterable[str], captured: Mapping[str, str], version_of: Callable[[str], str | None]) -> str:
    """Returns the first reason why packages do not suit a function, in words that follow a hub's name; empty: they do.

    Args:
        needs: requirements, as in ``"pillow>=10"``.
        captured: distributions and versions that its checkpoint was made with.
        version_of: returns a hub's version of a distribution, by its canonical name; ``None``: it has none.
    """
    said: set[str] = set()
    for text in needs:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            return f"cannot be judged: {text!r} is no requirement"
        said.add(canonicalize_name(requirement.name))
        version = version_of(canonicalize_name(requirement.name))
        if version is None:
            return f"has no package {requirement.name}"
        if not requirement.specifier.contains(version, prereleases=True):
            return f"has {requirement.name} {version}, {requirement.specifier} is needed"
    for name, then in captured.items():
        now = version_of(name)
        if name not in said and now is None:
            return f"has no package {name}"
        if name not in said and now is not None and not _compatible(now, then):
            return f"has {name} {now}, the function was stopped with {then}"
    return ""


def _compatible(one: str, other: str) -> bool:
    try:
        return _series(Version(one)) == _series(Version(other))
    except InvalidVersion:
        return one == other


def _series(version: Version) -> tuple[int, ...]:
    return (version.epoch, version.major) if version.major else (version.epoch, 0, version.minor)
