"""Interpreters with what the engine needs beside them, in a folder of their own: nothing is installed anywhere."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.pythons.debian import own_architecture, unpack

ROOT = Path(__file__).parents[2]
VERSIONS = ("3.12", "3.13", "3.14")
ENGINE = ("msgspec", "cbor2", "cryptography", "backports-zstd")
"""What exercising needs."""
TESTS = ("pytest", "pytest-asyncio", "pytest-timeout", "hypothesis", "numpy", "cddl-verifier")
"""What the engine's tests need beside that."""


@dataclass(frozen=True)
class Python:
    """An interpreter: its name, the command that starts it with everything it needs, its version."""

    name: str
    command: list[str]
    version: str


def python_of(what: str, cache: Path, *, tests: bool = False) -> Python:
    """Returns the interpreter that is meant.

    Args:
        what: a command, or a Debian release with or without a processor: ``trixie``, ``sid/arm64``.
        cache: a folder that is kept.
        tests: whether tests are to be run with it.

    Raises:
        SystemExit: it cannot be had; in words.
    """
    wanted = ENGINE + (TESTS if tests else ())
    if shutil.which(what):
        told = [what, "-c", "import sys; print('{}.{}'.format(*sys.version_info))"]
        version = subprocess.run(told, capture_output=True, text=True, check=True).stdout.strip()
        return Python(f"Python {version}", ["env", _path(version, "", wanted, cache), what], version)
    suite, _, architecture = what.partition("/")
    found = unpack(suite, architecture or own_architecture(), cache)
    settings = [f"PYTHONHOME={found.home}", _path(found.version, found.machine, wanted, cache)]
    return Python(f"Python {found.version}, {found.name}", ["env", *settings, *found.command], found.version)


def others_here() -> list[str]:
    """Returns the interpreters of this machine that are of another version than this one; one for each version."""
    here = "{}.{}".format(*sys.version_info)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = []
    for version in VERSIONS:
        built = sorted(pyenv.glob(f"{version}.*/bin/python3"))
        candidate = str(built[-1]) if built else shutil.which(f"python{version}")
        if version != here and candidate:
            found.append(candidate)
    return found


def default_other() -> str:
    """Returns another Python: the newest that is here, else one of Debian's that is not of this version."""
    here = "{}.{}".format(*sys.version_info)
    return (others_here() or ["sid" if here == "3.13" else "trixie"])[-1]


def _path(version: str, machine: str, wanted: Sequence[str], cache: Path) -> str:
    """Returns ``PYTHONPATH=...`` with what is wanted, for a version and a machine; empty: this one."""
    closed = _closed(wanted, version)
    key = hashlib.sha256(" ".join(sorted(closed)).encode()).hexdigest()[:12]
    folder = cache / f"packages-{version}-{machine or 'here'}-{key}"
    if not folder.exists():
        being_filled = folder.with_suffix(".filling")
        shutil.rmtree(being_filled, ignore_errors=True)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--only-binary=:all:", "--python-version", version, "--target", str(being_filled)]
        for kind in ("manylinux_2_28", "manylinux_2_17", "manylinux2014") if machine else ():
            command += ["--platform", f"{kind}_{machine}"]
        done = subprocess.run([*command, *closed], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"the packages for Python {version} cannot be had:\n{done.stderr[-2000:]}")
        being_filled.rename(folder)
    return f"PYTHONPATH={folder}:{ROOT}"


def _closed(wanted: Sequence[str], version: str) -> list[str]:
    """Returns the requirements that are installed here under these names, and what they need, in the same versions."""
    found: dict[str, str] = {}
    waiting = list(wanted)
    while waiting:
        requirement = Requirement(waiting.pop())
        name = canonicalize_name(requirement.name)
        environment = {"python_version": version, "extra": ""}
        if name in found or (requirement.marker and not requirement.marker.evaluate(environment)):
            continue
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            continue  # what only another version or system needs
        if name != "backports-zstd" or version != "3.14":
            found[name] = f"{name}=={installed.version}"
        waiting += installed.requires or []
    return list(found.values())
