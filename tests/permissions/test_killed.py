"""Killed at any call that changes anything, a hub has the old tree or the new one once it is started again."""

from __future__ import annotations

import os
import signal
import sys
from functools import partial

import pytest
from packages import ALLOWED, KEY, made, only_here, wishes

from coordinator.deployment.site import Resource
from devices.permissions import places
from devices.permissions.package import seal
from devices.permissions.target import Target

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="owners and groups are the superuser's to give")

CHANGES = (
    "mkdir",
    "open",
    "fchown",
    "fchmod",
    "chown",
    "chmod",
    "mknod",
    "write",
    "fsync",
    "rename",
    "unlink",
    "rmdir",
)
ENDED, KILLED = 0, -signal.SIGKILL


def _die_at(point: int) -> None:
    """Has this process die by SIGKILL instead of making its n-th call that changes anything."""
    left = iter(range(point, -1, -1))

    def mortal(call):
        def made(*arguments, **named):
            creates = call is not original_open or (len(arguments) > 1 and arguments[1] & os.O_CREAT)
            if creates and next(left) == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **named)

        return made

    original_open = os.open
    for name in (*CHANGES, "symlink"):
        setattr(os, name, mortal(getattr(os, name)))
    places.sync_all = mortal(places.sync_all)


def in_a_process_that_dies(point: int, work) -> int:
    child = os.fork()
    if child == 0:
        try:
            _die_at(point)
            work()
            os._exit(0)
        except BaseException as error:
            print(f"at {point}: {error!r}", file=sys.stderr, flush=True)
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_killed_at_each_call_of_an_apply_and_of_its_recovery_a_hub_has_the_old_tree_or_the_new_one(tmp_path):
    def package(version):
        """Odd and even packages differ in everything: contents, rights, and where the volume stands."""
        text = f"{version % 2}" * 10
        resources = {"config": Resource("text", text), "v": Resource("volume", 10**6)}
        resources |= (
            {"w": Resource("volume", 10**6)} if version % 2 else {f"x{n}": Resource("text", "x") for n in range(3)}
        )
        who = wishes(a="v rw, config r") if version % 2 else wishes(a="v rw", b="v r, config rw")
        return made(tmp_path, resources, who, version)

    def state():
        target = Target(tmp_path / "target", ALLOWED, only_here)
        try:
            (volume,) = (target.path / "current").resolve().glob("*/*/v")
            (config,) = (target.path / "current").resolve().glob("*/*/config")
            assert (volume / "kept").read_text() == "by a task"
            assert (volume / "kept").stat().st_gid == volume.stat().st_gid
            assert config.read_text() == f"{target.current % 2}" * 10
            assert target.differences() == []
            assert {path.name for path in (target.path / "trees").iterdir()} == set(map(str, target.kept()))
            assert {path.name for path in (target.path / "packages").iterdir()} == set(map(str, target.kept()))
            assert len(target.kept()) <= 2
            assert not (target.path / "adopting").exists()
            lost = [*(target.path / "volumes").glob("w"), *(target.path / "current").resolve().glob("*/*/w")]
            assert [(path / "mine").read_text() for path in lost] == ["w"]
            return target.current
        finally:
            target.close()

    def apply(version):
        target = Target(tmp_path / "target", ALLOWED, only_here)
        it, packed = package(version)
        for part in target.missing(packed.parts):
            target.keep(packed.part(part))
        target.apply(seal(it, KEY), it)
        target.close()

    apply(1)
    for name, text in (("v/kept", "by a task"), ("w/mine", "w")):
        (path,) = (tmp_path / "target/current").resolve().glob(f"*/*/{name.partition('/')[0]}")
        (path / name.partition("/")[2]).write_text(text)
        os.chown(path / name.partition("/")[2], 0, path.stat().st_gid)
    version, outcomes = 1, set()
    for point in range(1000):
        ended = in_a_process_that_dies(point, partial(apply, version + 1))
        if ended == ENDED:
            break
        assert ended == KILLED
        in_a_process_that_dies(point % 7, lambda: Target(tmp_path / "target", ALLOWED, only_here))
        now = state()
        assert now in (version, version + 1)
        outcomes.add(now - version)
        version = now
    print(point, "points")
    assert point >= 50
    assert outcomes == {0, 1}
    assert state() == version + 1
