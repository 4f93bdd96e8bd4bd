"""A hub builds a package as real files with real owners, adopts it at once, and loses nothing that tasks have written."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
from pathlib import Path

import pytest
from packages import ALLOWED, KEY, deploy, made, only_here, wishes

from coordinator.deployment.site import Resource
from devices.errors import DamagedError, RefusedError
from devices.permissions import places, volumes
from devices.permissions.ids import Range
from devices.permissions.package import seal
from devices.permissions.target import Target

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="owners and groups are the superuser's to give")

RESOURCES = {
    "config": Resource("text", "low = 10\n"),
    "pages": Resource("folder", "pages"),
    "null": Resource("device", "/dev/null"),
    "snapshots": Resource("volume", 10_000_000),
}
WHO = wishes(camera="null r, config r, snapshots w", counter="snapshots r, pages rw")


@pytest.fixture
def site(tmp_path):
    (tmp_path / "pages/deep").mkdir(parents=True)
    (tmp_path / "pages/deep/big.bin").write_bytes(os.urandom(600_000))
    (tmp_path / "pages/öl.txt").write_text("x")
    return tmp_path


@pytest.fixture
def target(tmp_path):
    it = Target(tmp_path / "target", ALLOWED, only_here)
    yield it
    it.close()


def found(target: Target) -> dict[str, tuple[int, int, str]]:
    """Each thing in the current tree below its pair: resource path => uid, gid, mode."""
    root = target.path / "current"
    every = [path for path in root.resolve().rglob("*") if len(path.relative_to(root.resolve()).parts) > 2]
    return {
        "/".join(path.relative_to(root.resolve()).parts[2:]): (
            path.lstat().st_uid,
            path.lstat().st_gid,
            f"{stat.S_IMODE(path.lstat().st_mode):04o}",
        )
        for path in every
    }


def path_of(target: Target, name: str) -> Path:
    (path,) = (target.path / "current").resolve().glob(f"*/*/{name}")
    return path


def test_a_package_becomes_a_tree_with_owners_groups_and_modes_whatever_the_umask(site, target):
    package, packed = made(site, RESOURCES, WHO)
    before = os.umask(0o777)
    try:
        deploy(target, package, packed)
    finally:
        os.umask(before)
    groups = target.numbers().groups
    there = found(target)
    assert there["config"] == (0, 0, "0644")
    assert there["pages"] == (0, groups["counter"], "2775")
    assert there["pages/öl.txt"] == (0, groups["counter"], "0664")
    assert there["snapshots"] == (0, groups["camera"], "2775")
    assert there["null"] == (0, 0, "0644")
    assert path_of(target, "null").stat().st_rdev == Path("/dev/null").stat().st_rdev
    assert path_of(target, "pages/deep/big.bin").read_bytes() == (site / "pages/deep/big.bin").read_bytes()
    assert stat.S_IMODE(path_of(target, "config").parents[1].stat().st_mode) == 0o710
    assert target.current == 1
    assert target.differences() == []


def test_what_differs_is_named_by_its_path_and_what_tasks_may_change_is_theirs(site, target):
    deploy(target, *made(site, RESOURCES, WHO))
    path_of(target, "pages/öl.txt").write_text("changed by a task")
    (path_of(target, "pages") / "new").mkdir()
    (path_of(target, "snapshots") / "one.jpg").write_text("x")
    assert target.differences() == []
    path_of(target, "config").write_text("low = 11\n")
    path_of(target, "config").parent.chmod(0o2777)
    (path_of(target, "config").parent / "stray").write_text("x")
    os.chown(path_of(target, "snapshots").parents[1], 5, 5)
    path_of(target, "snapshots").rename(target.path / "gone")
    said = {each.path.partition("/")[2].removeprefix("shared/"): each.what for each in target.differences()}
    assert said["config"] == "its content is another one"
    assert said["stray"] == "nobody asked for it"
    assert said["shared"] == "its mode is 2777, not 2775"
    assert said["snapshots"] == "it is missing"
    assert said[""].startswith("it belongs to 5:5, not to 0:")
    assert len(said) == 5


def test_volumes_survive_packages_that_keep_move_drop_and_name_them_again(site, target):
    deploy(target, *made(site, RESOURCES, WHO))
    path = path_of(target, "snapshots") / "a" / "one.jpg"
    path.parent.mkdir()
    path.write_text("a picture")
    uid = target.numbers().roles["camera"]
    for each in (path.parent, path):
        os.chown(each, uid, target.numbers().groups["camera"])
    deploy(target, *made(site, RESOURCES, wishes(camera="snapshots rw", counter="snapshots rw"), 2))
    path = path_of(target, "snapshots") / "a" / "one.jpg"
    group = target.numbers().groups["camera+counter"]
    assert path.read_text() == "a picture"
    assert (path.stat().st_uid, path.stat().st_gid, path.parent.stat().st_gid) == (uid, group, group)
    deploy(target, *made(site, {}, {}, 3))
    deploy(target, *made(site, {}, {}, 4))
    assert not (target.path / "trees/2").exists()
    deploy(target, *made(site, RESOURCES, WHO, 5))
    assert (path_of(target, "snapshots") / "a" / "one.jpg").read_text() == "a picture"
    assert target.differences() == []


def test_the_tree_before_stays_and_older_ones_go_unless_somebody_works_there(site, target):
    for version in (1, 2, 3):
        deploy(target, *made(site, RESOURCES, WHO, version))
    assert target.kept() == [2, 3]
    package, packed = made(site, RESOURCES, WHO, 4)
    target.apply(seal(package, KEY), package, in_use=[2])
    assert target.kept() == [2, 3, 4]
    assert {path.name for path in (target.path / "packages").iterdir()} == {"2", "3", "4"}
    assert packed.parts
    assert target.missing(packed.parts) == []


def test_numbers_stay_over_packages_and_are_nobody_elses(site, target, monkeypatch):
    deploy(target, *made(site, RESOURCES, WHO))
    first = target.numbers()
    assert len(first.numbers()) == len(first.roles) + len(first.groups)
    assert all(ALLOWED.first <= number <= ALLOWED.last for number in first.numbers())
    deploy(target, *made(site, RESOURCES, wishes(another="config r", counter="pages rw"), 2))
    second = target.numbers()
    assert second.roles["counter"] == first.roles["counter"]
    assert second.groups["counter"] == first.groups["counter"]
    assert second.roles["another"] not in first.numbers()
    # Somebody here has been given one of ours meanwhile: it is left to him, and what bears it follows.
    path = path_of(target, "pages") / "made"
    path.write_text("by a task")
    monkeypatch.setattr(target, "_local", lambda owners: only_here({*owners, first.groups["counter"]}))
    deploy(target, *made(site, RESOURCES, wishes(counter="pages rw"), 3))
    third = target.numbers()
    assert third.groups["counter"] not in {*first.numbers(), *second.numbers()}
    assert path_of(target, "pages").stat().st_gid == third.groups["counter"]


def test_a_role_that_gets_another_number_keeps_the_files_that_it_made(site, target, monkeypatch):
    deploy(target, *made(site, RESOURCES, wishes(camera="snapshots rw")))
    old = target.numbers().roles["camera"]
    (path_of(target, "snapshots") / "mine").write_text("x")
    os.chown(path_of(target, "snapshots") / "mine", old, -1)
    monkeypatch.setattr(target, "_local", lambda owners: only_here({*owners, old}))
    deploy(target, *made(site, RESOURCES, wishes(camera="snapshots rw"), 2))
    new = target.numbers().roles["camera"]
    assert new != old
    assert (path_of(target, "snapshots") / "mine").stat().st_uid == new


def test_owners_of_strange_files_below_the_target_are_not_taken_for_free(site, tmp_path):
    target = Target(tmp_path / "target", Range(ALLOWED.first, ALLOWED.first + 30), only_here)
    (tmp_path / "target/strange").write_text("x")
    os.chown(tmp_path / "target/strange", ALLOWED.first, ALLOWED.first + 1)
    deploy(target, *made(site, RESOURCES, WHO))
    assert not target.numbers().numbers() & {ALLOWED.first, ALLOWED.first + 1}
    small = Target(tmp_path / "small", Range(ALLOWED.first, ALLOWED.first + 1), only_here)
    with pytest.raises(RefusedError, match="no id is free"):
        deploy(small, *made(site, RESOURCES, WHO))
    assert (small.current, small.kept(), small.numbers().numbers()) == (0, [], set())
    target.close()
    small.close()


def test_an_older_package_or_the_same_again_is_refused(site, target):
    deploy(target, *made(site, RESOURCES, WHO, 2))
    for version in (1, 2):
        with pytest.raises(RefusedError, match="is not newer than 2"):
            deploy(target, *made(site, RESOURCES, WHO, version))
    assert (target.current, target.kept()) == (2, [2])


def test_a_missing_or_damaged_part_leaves_everything_as_it_was(site, target):
    deploy(target, *made(site, RESOURCES, WHO))
    (site / "pages/öl.txt").write_text("new")
    package, packed = made(site, RESOURCES, WHO, 2)
    with pytest.raises(DamagedError, match="is missing"):
        target.apply(seal(package, KEY), package)
    (new,) = target.missing(packed.parts)
    target.keep(packed.part(new))
    (target.path / "parts" / new.hex()).write_bytes(b"altered")
    with pytest.raises(DamagedError, match="is not what it was"):
        target.apply(seal(package, KEY), package)
    assert target.missing(packed.parts) == [new]
    assert (target.current, target.kept(), target.differences()) == (1, [1], [])
    deploy(target, package, packed)
    assert path_of(target, "pages/öl.txt").read_text() == "new"


def test_a_device_that_is_not_there_is_refused_and_leaves_nothing_behind(site, target):
    package, packed = made(site, {"x": Resource("device", "/dev/no/such")}, wishes(a="x r"))
    with pytest.raises(RefusedError, match="has no device /dev/no/such"):
        deploy(target, package, packed)
    package, packed = made(site, {"x": Resource("device", "/dev/shm")}, wishes(a="x r"))
    with pytest.raises(RefusedError, match="is no device"):
        deploy(target, package, packed)
    assert (list((target.path / "trees").iterdir()), list((target.path / "packages").iterdir())) == ([], [])


@pytest.mark.parametrize("after", [0, 1, 3, 6])
def test_a_disk_that_is_full_in_the_middle_leaves_the_old_tree_and_nothing_else(site, target, monkeypatch, after):
    deploy(target, *made(site, RESOURCES, WHO))
    (site / "pages/more.txt").write_text("more")
    package, packed = made(site, RESOURCES, WHO, 2)
    for part in target.missing(packed.parts):
        target.keep(packed.part(part))
    writes = iter(range(1000))
    original = places.write_all

    def full(descriptor, data):
        if next(writes) >= after:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        original(descriptor, data)

    monkeypatch.setattr(places, "write_all", full)
    with pytest.raises(RefusedError, match="No space left"):
        target.apply(seal(package, KEY), package)
    monkeypatch.undo()
    assert (target.current, target.kept(), target.differences()) == (1, [1], [])
    assert {path.name for path in (target.path / "packages").iterdir()} == {"1"}
    assert {path.name for path in target.path.iterdir()} == {
        "current", "ids.json", "packages", "parts", "trees", "view", "volumes",
    }  # fmt: skip
    target.apply(seal(package, KEY), package)
    assert target.current == 2


def test_a_disk_that_is_full_behind_the_decision_ends_what_was_decided_once_there_is_room(site, target, monkeypatch):
    deploy(target, *made(site, RESOURCES, WHO))
    package, _ = made(site, RESOURCES, wishes(camera="snapshots rw"), 2)

    def full(self, task):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Target, "_point", full)
    with pytest.raises(RefusedError, match="is tried again"):
        target.apply(seal(package, KEY), package)
    monkeypatch.undo()
    target.recover()
    assert (target.current, target.differences()) == (2, [])


def test_a_package_that_is_larger_than_the_disk_is_refused_before_anything_is_written(site, target, monkeypatch):
    package, packed = made(site, RESOURCES, WHO)
    disk = os.statvfs(target.path)
    tight = os.statvfs_result([*disk[:4], 4000, *disk[5:]])
    monkeypatch.setattr(os, "fstatvfs", lambda descriptor: tight)
    with pytest.raises(RefusedError, match="are free"):
        deploy(target, package, packed)
    assert list((target.path / "trees").iterdir()) == []


def test_nobody_else_can_enter_a_tree_before_it_is_adopted(site, target, monkeypatch):
    package, packed = made(site, RESOURCES, WHO)
    seen = []
    original = os.fchown

    def looked(descriptor, user, group):
        seen.append(stat.S_IMODE((target.path / "trees/1").stat().st_mode))
        original(descriptor, user, group)

    for part in packed.parts:
        target.keep(packed.part(part))
    monkeypatch.setattr(os, "fchown", looked)
    target.apply(seal(package, KEY), package)
    assert set(seen) == {0o700}
    assert len(seen) > 10
    assert stat.S_IMODE((target.path / "trees/1").stat().st_mode) == 0o711


def test_names_that_are_swapped_for_links_while_owners_are_set_lead_nowhere(tmp_path):
    secret, volume = tmp_path / "secret", tmp_path / "above/v"
    (secret / "deep").mkdir(parents=True)
    (secret / "file").write_text("s")
    (volume / "d/deep").mkdir(parents=True)
    for path in (volume, volume / "d", volume / "d/deep"):
        os.chown(path, 0, 4000)
    stop = threading.Event()

    def swap():
        while not stop.is_set():
            (volume / "d").rename(volume / "away")
            (volume / "d").symlink_to(secret)
            (volume / "d").unlink()
            (volume / "away").rename(volume / "d")

    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        with places.below("above", os.open(tmp_path, os.O_RDONLY)) as above:
            for number in range(4001, 4200):
                with contextlib.suppress(OSError):
                    volumes.hand_over("v", above, mode=0o2775, owner=0, group=number, users={0: 4000})
    finally:
        stop.set()
        swapping.join()
    assert {(path.stat().st_uid, path.stat().st_gid) for path in (secret, secret / "deep", secret / "file")} == {(0, 0)}


def test_a_target_in_a_folder_that_others_can_swap_is_refused(tmp_path):
    loose = tmp_path / "loose"
    loose.mkdir()
    loose.chmod(0o777)
    with pytest.raises(Exception, match="others can write to this folder"):
        Target(loose / "target", ALLOWED, only_here)
    loose.chmod(0o755)
    os.chown(loose, 1234, 1234)
    with pytest.raises(Exception, match="another user's"):
        Target(loose / "target", ALLOWED, only_here)


def test_a_task_that_puts_other_things_in_the_place_of_its_volume_gains_nothing(site, target, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("s")
    secret.chmod(0o600)
    deploy(target, *made(site, RESOURCES, wishes(camera="snapshots rw")))
    old = target.numbers().groups["camera"]
    volume = path_of(target, "snapshots")
    os.link(secret, volume / "hard")
    (volume / "soft").symlink_to(secret)
    (volume / "mine").write_text("x")
    os.chown(volume / "mine", -1, old)
    deploy(target, *made(site, RESOURCES, wishes(camera="snapshots rw", counter="snapshots rw"), 2))
    assert (secret.stat().st_uid, secret.stat().st_gid, stat.S_IMODE(secret.stat().st_mode)) == (0, 0, 0o600)
    assert (path_of(target, "snapshots") / "mine").stat().st_gid == target.numbers().groups["camera+counter"]
    path_of(target, "snapshots").rename(path_of(target, "snapshots").with_name("hidden"))
    (path_of(target, "hidden").parent / "snapshots").symlink_to(tmp_path)
    before = tmp_path.stat()
    deploy(target, *made(site, RESOURCES, wishes(camera="snapshots rw"), 3))
    assert path_of(target, "snapshots").is_dir()
    assert not path_of(target, "snapshots").is_symlink()
    assert (tmp_path.stat().st_gid, tmp_path.stat().st_mode) == (before.st_gid, before.st_mode)
