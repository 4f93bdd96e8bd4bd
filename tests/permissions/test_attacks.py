"""Packages that want more than a tree below the target are refused, each with its own sentence, before anything is touched."""

from __future__ import annotations

import os
from pathlib import Path

import cbor2
import cddl_verifier
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from packages import KEY, made, wishes

from coordinator.deployment.packing import Packed
from coordinator.deployment.site import Resource, Site
from devices.errors import ConfigurationError, DamagedError, NewerFormatError, ProtocolError, RefusedError
from devices.permissions import soundness
from devices.permissions.package import Entry, Package, PackedResource, digest, seal, unseal
from devices.permissions.structure import Directory, TaskGrants
from devices.protocol import limits, sealing

PUBLIC = sealing.public_bytes(KEY)
CONTRACT = Path(soundness.__file__).with_name("package.cddl").read_text()
replace = msgspec.structs.replace


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Package:
    folder = tmp_path_factory.mktemp("site")
    (folder / "pages").mkdir()
    (folder / "pages/a").write_text("a")
    resources = {
        "pages": Resource("folder", "pages"),
        "v": Resource("volume", 10),
        "null": Resource("device", "/dev/null"),
    }
    return made(folder, resources, wishes(x="pages r, v rw", y="v r, null rw"))[0]


def with_entries(good: Package, *entries: Entry, kind="folder") -> Package:
    return replace(good, resources={**good.resources, "pages": PackedResource(kind=kind, entries=list(entries))})


def file(path: str, size: int = 1) -> Entry:
    return Entry(path=path, size=size, parts=[bytes(32)] * -(-size // limits.PART))


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([file("../x")], "no folder for it"),
        ([file("..")], "leads elsewhere"),
        ([file(".")], "leads elsewhere"),
        ([file("/etc/passwd")], "no folder for it"),
        ([file("")], "leads elsewhere"),
        ([Entry(path="..", folder=True), file("../x")], "leads elsewhere"),
        ([Entry(path="a", folder=True), file("a/../../x")], "no folder for it"),
        ([Entry(path="a", folder=True), file("a//x")], "no folder for it"),
        ([Entry(path="a", folder=True), file("a/")], "leads elsewhere"),
        ([file("a"), file("a/x")], "no folder for it"),
        ([file("a/x"), Entry(path="a", folder=True)], "no folder for it"),
        ([file("a"), file("a")], "twice"),
        ([file("Straße"), file("STRASSE")], "spelling alone"),
        ([file("\u00e9"), file("e\u0301")], "spelling alone"),
        ([Entry(path="A", folder=True), file("a")], "spelling alone"),
        ([file("a\nb")], "nobody sees"),
        ([file("a\0b")], "nobody sees"),
        ([file("a\u202eb")], "nobody sees"),
        ([file("x" * 256)], "too long"),
        ([Entry(path="/".join("d" * n), folder=True) for n in range(1, 40)], "too deep"),
        ([file("a", size=-1)], "do not fit its size"),
        ([replace(file("a"), parts=[])], "do not fit its size"),
        ([replace(file("a"), parts=[b"short"])], "do not fit its size"),
        ([file("bomb", size=limits.PACKAGE_CONTENTS + 1)], "at most"),
        ([replace(file("a"), folder=True)], "a folder and a file"),
    ],
)
def test_contents_that_lead_out_of_the_tree_or_are_two_of_one_name_or_too_much_are_refused(good, entries, words):
    with pytest.raises(ProtocolError, match=words):
        soundness.check(with_entries(good, *entries))


def inner(good: Package, name: str) -> Directory:
    (found,) = [it for it in good.directories if name in it.resources]
    return found


def changed(good: Package, old: Directory, new: Directory) -> list[Directory]:
    return [new if it is old else it for it in good.directories]


def outer(good: Package, name: str) -> Directory:
    above = inner(good, name).path.partition("/")[0]
    (found,) = [it for it in good.directories if it.path == above]
    return found


WRONG = {
    "an inner directory with a setuid bit": (
        lambda it: {"directories": changed(it, inner(it, "v"), replace(inner(it, "v"), mode="6775"))}, "no half"),
    "an inner directory that all may write to": (
        lambda it: {"directories": changed(it, inner(it, "v"), replace(inner(it, "v"), mode="2777"))}, "no half"),
    "an outer directory that all may enter": (
        lambda it: {"directories": changed(it, outer(it, "v"), replace(outer(it, "v"), mode="0711"))}, "no half"),
    "an inner directory elsewhere": (
        lambda it: {"directories": changed(it, inner(it, "v"), replace(inner(it, "v"), path="../v"))}, "no half"),
    "an absolute directory": (
        lambda it: {"directories": changed(it, inner(it, "v"), replace(inner(it, "v"), path="/etc"))}, "no half"),
    "an inner directory that is the one above": (
        lambda it: {"directories": changed(it, inner(it, "v"), replace(inner(it, "v"), path=outer(it, "v").path + "/.."))},
        "cannot be the name"),
    "a directory for its own": (
        lambda it: {"directories": [*it.directories, replace(it.directories[0], path="alone")]}, "no half"),
    "a directory twice": (lambda it: {"directories": [*it.directories, it.directories[0]]}, "twice"),
    "a resource in two directories": (
        lambda it: {"directories": changed(it, inner(it, "v"), replace(inner(it, "v"), resources=["v", "pages"]))}, "no one directory"),
    "a resource in none": (
        lambda it: {"directories": changed(it, inner(it, "v"), replace(inner(it, "v"), resources=[]))}, "stands in no directory"),
    "a group that is not there": (
        lambda it: {"directories": changed(it, inner(it, "v"), replace(inner(it, "v"), group="wheel"))}, "no group"),
    "a group of nobody": (lambda it: {"groups": {**it.groups, "none": []}}, "no set of tasks"),
    "two groups of one set": (lambda it: {"groups": {**it.groups, "twin": next(iter(it.groups.values()))}}, "no set of tasks"),
    "a group of strangers": (lambda it: {"groups": {**it.groups, "g": ["stranger"]}}, "no set of tasks"),
    "a task in a group too many": (
        lambda it: {"tasks": {**it.tasks, "y": TaskGrants(role="y", groups=[*it.tasks["y"].groups, "x"])}}, "in other groups"),
    "a role with a name that is a path": (
        lambda it: {"tasks": {**it.tasks, "y": replace(it.tasks["y"], role="../y")}}, "cannot be the name of a role"),
    "a task whose name is none": (lambda it: {"tasks": {**it.tasks, "": it.tasks["y"]}}, "cannot be the name of a task"),
    "tasks that differ by case": (lambda it: {"tasks": {**it.tasks, "X": it.tasks["x"]}}, "differ by case"),
    "a device that is none": (
        lambda it: {"resources": {**it.resources, "null": PackedResource(kind="device", device="/etc/shadow")}}, "no device"),
    "a device by a way round": (
        lambda it: {"resources": {**it.resources, "null": PackedResource(kind="device", device="/dev/../etc/shadow")}}, "no device"),
    "a folder that is a device too": (
        lambda it: {"resources": {**it.resources, "pages": replace(it.resources["pages"], device="/dev/mem")}}, "no folder"),
    "a file that is a folder": (
        lambda it: {"resources": {**it.resources, "pages": replace(it.resources["pages"], kind="file", entries=[])}}, "no file"),
    "a volume without an end": (
        lambda it: {"resources": {**it.resources, "v": replace(it.resources["v"], quota=0)}}, "no volume"),
    "a table that says less than the bits": (lambda it: {"access": {**it.access, "x": {"pages": "r"}}}, "let x read and write v"),
    "a table that says more than the bits": (lambda it: {"access": {**it.access, "x": {"pages": "rw", "v": "rw"}}}, "let x read pages"),
    "a table of strangers": (lambda it: {"access": {**it.access, "stranger": {"v": "r"}}}, "that there is not"),
    "version nought": (lambda it: {"version": 0}, "cannot have version"),
    "too many tasks": (
        lambda it: {"tasks": {f"t{n}": it.tasks["x"] for n in range(limits.PACKAGE_NAMES + 1)}}, "at most"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_structure_that_is_not_what_the_table_says_is_refused(good, what):
    change, words = WRONG[what]
    soundness.check(good)
    with pytest.raises(ProtocolError, match=words):
        soundness.check(replace(good, **change(good)))


def test_a_package_comes_back_as_it_was_and_is_what_the_contract_says(good):
    sealed = seal(good, KEY)
    assert unseal(sealed, PUBLIC) == good
    result = cddl_verifier.validate(CONTRACT, sealed)
    assert result.valid, result


def test_what_is_altered_cut_short_or_signed_by_somebody_else_is_no_package(good):
    sealed = seal(good, KEY)
    for wrong in (sealed[:-1], sealed[:200], b"", sealed[:300] + bytes([sealed[300] ^ 1]) + sealed[301:]):
        with pytest.raises(ProtocolError):
            unseal(wrong, PUBLIC)
    with pytest.raises(DamagedError, match="does not fit"):
        unseal(seal(good, Ed25519PrivateKey.generate()), PUBLIC)
    claim = sealing.sign(KEY, sealing.payload_of(sealed))
    with pytest.raises(DamagedError, match="does not fit"):  # what the coordinator signed for another purpose
        unseal(claim, PUBLIC)


def test_a_package_of_a_newer_format_says_what_to_do(good):
    fields = cbor2.loads(sealing.payload_of(seal(good, KEY))) | {"format": 2}
    with pytest.raises(NewerFormatError, match="upgrade this hub"):
        unseal(sealing.sign(KEY, cbor2.dumps(fields), b"midstream permission package"), PUBLIC)


@given(
    junk=st.recursive(
        st.none() | st.integers() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
@settings(max_examples=30, deadline=None)
def test_whatever_else_was_signed_is_refused_with_a_sentence(junk):
    with pytest.raises(ProtocolError):
        unseal(sealing.sign(KEY, cbor2.dumps(junk), b"midstream permission package"), PUBLIC)


def test_what_a_package_cannot_hold_is_named_when_it_is_packed(tmp_path):
    folder = tmp_path / "pages"
    folder.mkdir()

    def packed():
        return Packed(Site(folder=tmp_path, resources={"pages": Resource("folder", "pages")}, wishes={}))

    (folder / "link").symlink_to("/etc/passwd")
    with pytest.raises(ConfigurationError, match="neither file nor folder"):
        packed()
    (folder / "link").unlink()
    os.mkfifo(folder / "pipe")
    with pytest.raises(ConfigurationError, match="neither file nor folder"):
        packed()
    (folder / "pipe").unlink()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Packed(Site(folder=tmp_path, resources={"x": Resource("file", "none")}, wishes={}))
    with pytest.raises(ConfigurationError, match="is no folder"):
        Packed(Site(folder=tmp_path, resources={"x": Resource("folder", "none")}, wishes={}))
    (folder / "a").write_text("x")
    (folder / "A").write_text("y")
    with pytest.raises(ConfigurationError, match="spelling alone"):
        made(tmp_path, {"pages": Resource("folder", "pages")}, {})
    (folder / "A").unlink()
    (folder / "a").write_text("another text")
    before = packed()
    (folder / "a").write_text("changed meanwhile")
    with pytest.raises(RefusedError, match="was changed"):
        before.part(digest(b"another text"))
