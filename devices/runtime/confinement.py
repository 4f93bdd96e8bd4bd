"""A worker shuts itself in: a view of files of its own, no network, a user and groups of its own, and no way back.

The forked worker does this itself, before it sees any of the function's code. A helper that executes (bubblewrap) would
throw away what the warm parent has loaded, which is the point of forking. Order matters, and each step needs rights that
a later one gives up:

1. namespaces of its own for mounts, network and System V objects;
2. an empty file system, and bound into it, read-only: Python, its libraries, Midstream's own code; then the task's
   resources, those that it may not write read-only; then it becomes the root (pivot_root(2)), and the old one is covered;
3. the environment is forgotten, limits are set;
4. no capability can be had again, groups and user are changed, which drops those there are;
5. where modes cannot keep a writer from reading, Landlock does.

All by system calls through ctypes: nothing is executed. The old root is covered, not detached: umount2(2) waits for all
processors, 3 to 7 ms where the rest takes 3. Nobody can uncover it: that needs a capability that is gone, and in a user
namespace of its own mounts that came with it are locked (mount_namespaces(7)).
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import stat
import sys
import sysconfig
from functools import cache
from pathlib import Path
from typing import Final

from devices.errors import MidstreamError
from devices.protocol.link import Confinement
from devices.runtime import after_fork, landlock

HOME: Final = "resources"
"""The directory of the view in which resources stand."""
PROCESSES: Final = 64
"""Processes and threads of a role."""
_VIEW: Final = b"mode=0755,size=1m"
_NOTHING: Final = b"mode=0000,size=4k"
_OLD: Final = "old"
"""Where the machine's own files end up in the view, below an empty file system that nobody can take off again."""
_SCRATCH: Final = b"mode=1777,size=16m"
_NEW: Final = 0x00020000 | 0x40000000 | 0x08000000  # CLONE_NEWNS, CLONE_NEWNET, CLONE_NEWIPC: sched.h
_READ_ONLY, _NO_SETUID, _NO_DEVICES, _NO_EXEC = 1, 2, 4, 8  # MS_*: sys/mount.h
_REMOUNT, _BIND, _RECURSIVE, _PRIVATE = 32, 4096, 16384, 1 << 18
_PIVOT_ROOT: Final = {"x86_64": 155, "i686": 217, "i386": 217}.get(platform.machine(), 41)
_CAPBSET_DROP, _NO_NEW_PRIVS = 24, 38  # PR_*: prctl(2)
_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_DEVICES: Final = ("null", "zero", "full", "random", "urandom")
_SYSTEM: Final = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo", "/etc/localtime")
"""What Python and its extension modules look up when they run."""


def confine(wanted: Confinement) -> None:
    """Shuts this process in; there is no way back.

    Raises:
        MidstreamError: the system does not allow it. The process must end then: it may be half shut in.
    """
    parent = os.getppid()
    try:
        _leave_namespaces()
        _make_view(wanted)
        _forget_environment()
        resource.setrlimit(resource.RLIMIT_NPROC, (PROCESSES, PROCESSES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _become(wanted)
        after_fork.die_with(parent)  # changing the user has taken that back
        blind = [name for name, (_, right) in wanted.resources.items() if right == "w"]
        if blind:
            landlock.read_only_below(landlock.all_but("/", HOME, blind))
    except OSError as error:
        raise MidstreamError(f"the function cannot be shut in: {error}", remedy="this hub's log says more") from error


def _leave_namespaces() -> None:
    _check(_LIBC.unshare(_NEW), "unshare")
    _mount(None, "/", None, _RECURSIVE | _PRIVATE)


def _make_view(wanted: Confinement) -> None:
    root = wanted.root
    _mount("midstream", root, "tmpfs", _NO_SETUID, _VIEW)
    os.mkdir(f"{root}/tmp")
    _mount("midstream", f"{root}/tmp", "tmpfs", _NO_SETUID | _NO_DEVICES, _SCRATCH)
    for path in seen():  # perhaps below /tmp: an environment may stand there
        _show(path, root + path, _READ_ONLY | _NO_SETUID | _NO_DEVICES)
    os.mkdir(f"{root}/dev")
    for name in _DEVICES:
        device = os.stat(f"/dev/{name}")
        os.mknod(f"{root}/dev/{name}", stat.S_IFCHR | 0o600, device.st_rdev)
        os.chmod(f"{root}/dev/{name}", 0o666)
    os.mkdir(f"{root}/{HOME}")
    for name, (path, right) in wanted.resources.items():
        mode = os.stat(path).st_mode
        flags = _NO_SETUID | _NO_EXEC | (0 if "w" in right else _READ_ONLY)
        is_device = stat.S_ISCHR(mode) or stat.S_ISBLK(mode)
        _show(path, f"{root}/{HOME}/{name}", flags | (0 if is_device else _NO_DEVICES))
    os.mkdir(f"{root}/proc")
    os.mkdir(f"{root}/{_OLD}")
    os.chdir(root)
    _check(_LIBC.syscall(_PIVOT_ROOT, b".", _OLD.encode()), "pivot_root")
    _mount("midstream", f"/{_OLD}", "tmpfs", _READ_ONLY | _NO_SETUID | _NO_DEVICES | _NO_EXEC, _NOTHING)
    os.chdir("/tmp")
    _mount("proc", "/proc", "proc", _NO_SETUID | _NO_DEVICES | _NO_EXEC, b"hidepid=invisible")
    _mount(None, "/", None, _REMOUNT | _BIND | _READ_ONLY | _NO_SETUID)


@cache
def seen() -> tuple[str, ...]:
    """Returns what of this machine's files a confined function sees beside its resources: programs' code, no data."""
    ours = Path(__file__).resolve().parents[2]
    paths = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    paths |= {str(ours / "devices"), str(ours / "midstream.py"), *_SYSTEM}
    paths |= {
        str(Path(sys.base_prefix, "lib", name)) for name in (f"python{sys.version_info[0]}.{sys.version_info[1]}",)
    }
    there = sorted(path for path in paths if os.path.exists(path))
    return tuple(path for path in there if not any(path.startswith(f"{other}/") for other in there))


def _show(path: str, place: str, flags: int) -> None:
    """Binds a file or directory into the view; a link is copied, and what it leads to is shown if it is listed."""
    os.makedirs(os.path.dirname(place), 0o755, exist_ok=True)
    if os.path.islink(path):
        os.symlink(os.readlink(path), place)
        return
    if os.path.isdir(path):
        os.mkdir(place)
    else:
        os.close(os.open(place, os.O_WRONLY | os.O_CREAT, 0o600))
    _mount(path, place, None, _BIND)
    _mount(None, place, None, _BIND | _REMOUNT | flags)


def _forget_environment() -> None:
    """Overwrites what this process was started with: a hub's environment may hold what is nobody else's business."""
    kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TZ") if name in os.environ}
    block = ctypes.POINTER(ctypes.c_char_p).in_dll(_LIBC, "environ")
    pointers = ctypes.cast(block, ctypes.POINTER(ctypes.c_void_p))
    texts: list[int] = []
    while (address := pointers[len(texts)]) is not None:
        texts.append(address)
    for address in texts:
        ctypes.memset(address, 0, len(ctypes.string_at(address)))
    os.environ.clear()
    os.environ.update(kept, HOME="/tmp", PATH="/usr/bin:/bin")


def _become(wanted: Confinement) -> None:
    for capability in range(64):
        if _LIBC.prctl(_CAPBSET_DROP, capability, 0, 0, 0):
            break  # beyond the last one that this kernel knows
    _check(_LIBC.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
    os.setgroups(wanted.groups)
    os.setresgid(wanted.user, wanted.user, wanted.user)
    os.setresuid(wanted.user, wanted.user, wanted.user)
    os.umask(0o002)


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: bytes = b"") -> None:
    arguments = [None if it is None else os.fsencode(it) for it in (source, target, kind)]
    _check(_LIBC.mount(*arguments, ctypes.c_ulong(flags), data or None), f"mount {target}")


def _check(result: int, what: str) -> None:
    if result:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
