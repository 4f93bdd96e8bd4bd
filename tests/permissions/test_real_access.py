"""Real processes under a package's numbers try everything on real files: what they can do is what the table says."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packages import ALLOWED, deploy, made, only_here

from coordinator.deployment.plan import Wish
from coordinator.deployment.site import Resource
from devices.permissions.package import Package
from devices.permissions.target import Target

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="owners and groups are the superuser's to give")

NAMES = ("text", "folder", "volume")
RESOURCES = {
    "text": Resource("text", "t"),
    "folder": Resource("folder", "folder"),
    "volume": Resource("volume", 10**6),
    "folder2": Resource("folder", "folder"),
}
MEANS = {
    "": set(),
    "r": {"list", "read"},
    "w": {"list", "write", "create", "rename", "delete"},
    "rw": {"list", "read", "write", "create", "rename", "delete"},
}
FORBIDDEN = ("packages", "parts", "volumes", "ids.json", "trees")

resources = st.frozensets(st.sampled_from(sorted(RESOURCES)))
sites = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d"]), st.tuples(resources, resources), min_size=1, max_size=4
).map(lambda found: {task: Wish(task, reads, writes) for task, (reads, writes) in found.items()})


def attempts(folder: Path, file: Path) -> set[str]:
    """What this process can do in a folder, and with a file in it that a package has brought."""
    done = set()

    def attempt(what, call):
        with contextlib.suppress(OSError):
            call()
            done.add(what)

    new = folder / f"new-{os.getuid()}"
    attempt("list", lambda: list(folder.iterdir()))
    attempt("read", file.read_bytes)
    attempt("write", lambda: os.close(os.open(file, os.O_WRONLY | os.O_APPEND)))
    attempt("create", lambda: new.write_text("x"))
    attempt("rename", lambda: (file.rename(file.with_name("renamed")), file.with_name("renamed").rename(file)))
    attempt("delete", new.unlink)
    return done


def as_task(uid: int, groups: list[int], call) -> object:
    """Runs a call in a process of that user and exactly those groups."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups(groups)
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            os.umask(0o002)
            os.write(writing, json.dumps(call()).encode())
            os._exit(0)
        except BaseException as error:
            os.write(writing, json.dumps(repr(error)).encode())
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = json.loads(pipe.read())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, said
    return said


def try_all(tree: Path, package: Package, target: Path) -> dict[str, list[str]]:
    found = {}
    for directory in package.directories:
        for name in directory.resources:
            path = tree / directory.path / name
            match package.resources[name].kind:
                case "file":
                    folder, file = path.parent, path
                case "folder":
                    folder, file = path / "deep", path / "deep" / "file"
                case _:
                    folder, file = path, path / "seed"
            found[name] = sorted(attempts(folder, file))
    found["forbidden"] = [name for name in FORBIDDEN if _opens(target / name)]
    return found


def _opens(path: Path) -> bool:
    try:
        os.close(os.open(path, os.O_RDONLY))
    except OSError:
        return False
    return True


@given(who=sites)
@settings(max_examples=12, deadline=None)
def test_what_each_task_can_do_with_each_resource_is_what_the_table_says(who):
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o711)
        (folder / "folder/deep").mkdir(parents=True)
        (folder / "folder/deep/file").write_text("f")
        package, packed = made(folder, RESOURCES, who)
        target = Target(folder / "target", ALLOWED, only_here)
        deploy(target, package, packed)
        tree = target.path / "trees/1"
        (seeded,) = tree.glob("*/*/volume")
        (seeded / "seed").write_text("s")
        files = {directory.path: int(directory.files, 8) for directory in package.directories if directory.files}
        (seeded / "seed").chmod(files["/".join(seeded.relative_to(tree).parts[:2])])
        os.chown(seeded / "seed", 0, seeded.stat().st_gid)
        numbers = target.numbers()
        for task, grants in package.tasks.items():
            groups = [numbers.groups[group] for group in grants.groups]
            can = as_task(numbers.roles[grants.role], groups, lambda: try_all(tree, package, target.path))
            for name in RESOURCES:
                right = package.access[task].get(name, "")
                extra = {"read"} if (task, name) in package.narrowed else set()
                assert set(can[name]) - extra == MEANS[right] - extra, (task, name, right)
            assert can["forbidden"] == []
        nobody = as_task(ALLOWED.last, [], lambda: try_all(tree, package, target.path))
        assert {name: did for name, did in nobody.items() if did} == {}
        target.close()
    finally:
        shutil.rmtree(folder)
