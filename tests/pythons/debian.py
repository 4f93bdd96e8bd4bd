"""A Python of another Debian, or for another processor, in a folder: unpacked packages, nothing installed, no chroot.

debootstrap fetches and verifies the packages; they are unpacked side by side, and the interpreter is started by its own
loader, or by qemu for another processor. So it needs no root but what apt needs, and leaves the machine as it is.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

LOADERS = {
    "amd64": ("lib64/ld-linux-x86-64.so.2", "x86_64-linux-gnu", "x86_64"),
    "arm64": ("lib/ld-linux-aarch64.so.1", "aarch64-linux-gnu", "aarch64"),
}
"""By Debian's name of the processor: the loader, the folder of libraries, and what wheels call it."""


@dataclass(frozen=True)
class Unpacked:
    """A Python in a folder; ``command`` starts it, ``version`` is as in "3.13"."""

    name: str
    command: list[str]
    home: Path
    version: str
    machine: str


def unpack(suite: str, architecture: str, cache: Path) -> Unpacked:
    """Returns the Python of a Debian release; what is in the cache already is not fetched again.

    Args:
        suite: of Debian: ``trixie``, ``sid``.
        architecture: ``amd64`` or ``arm64``.
        cache: a folder that is kept.

    Raises:
        SystemExit: a program is missing, or the packages cannot be had; in words.
    """
    if shutil.which("debootstrap") is None:
        raise SystemExit("debootstrap is missing: apt-get install debootstrap")
    root = cache / f"{suite}-{architecture}"
    if not (root / "usr/bin/python3").exists():
        _fetch(suite, architecture, cache / f"{suite}-{architecture}.packages", root)
    loader, libraries, machine = LOADERS[architecture]
    python = (root / "usr/bin/python3").resolve()
    if architecture == own_architecture():
        command = [str(root / loader), "--library-path", f"{root}/usr/lib/{libraries}:{root}/lib/{libraries}"]
    elif qemu := shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64"):
        command = [qemu, "-L", str(root)]
    else:
        raise SystemExit("qemu-aarch64 is missing: apt-get install qemu-user-static")
    version = python.name.removeprefix("python")
    return Unpacked(f"{suite}/{architecture}", [*command, str(python)], root / "usr", version, machine)


def _fetch(suite: str, architecture: str, packages: Path, root: Path) -> None:
    fetched = subprocess.run(
        [
            "debootstrap",
            "--download-only",
            "--variant=minbase",
            f"--arch={architecture}",
            "--include=python3",
            suite,
            packages,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    debs = sorted(packages.glob("var/cache/apt/archives/*.deb"), key=lambda deb: not deb.name.startswith("base-files"))
    if fetched.returncode or not debs:
        raise SystemExit(
            f"debootstrap could not fetch {suite} for {architecture}:\n{fetched.stdout[-2000:]}{fetched.stderr[-2000:]}"
        )
    unpacking = root.with_suffix(".unpacking")
    shutil.rmtree(unpacking, ignore_errors=True)
    unpacking.mkdir(parents=True)
    for deb in debs:  # the first one makes /lib a link to /usr/lib
        subprocess.run(["dpkg-deb", "-x", deb, unpacking], check=True)
    unpacking.rename(root)
    shutil.rmtree(packages)


def own_architecture() -> str:
    """Returns Debian's name of this machine's processor."""
    return subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()
