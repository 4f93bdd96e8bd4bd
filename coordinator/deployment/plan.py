"""From who may touch what to directories, groups and modes: pure, and the same whatever the order of its input.

Resources that the same tasks read and the same tasks write share a pair of nested directories:

    503f/          0710  group: all who may reach it, readers and writers
    503f/shared/   2775  group: the writers; the others who got through the outer door read

A group is a set of tasks, and there is one for each distinct set that is somebody's reach or somebody's writers; the
empty set is no group, it is the superuser's. So membership needs no computation: a task is in a group if and only if it
is in the set, and each of its groups opens at least one door for it.

What bits can and cannot say. A file has one group, so behind the outer door it tells two kinds of tasks apart: its
group and the others. Three kinds are possible: those that only read, those that only write, those that do both; no
assignment of one group and nine bits keeps all three apart (a search over all of them in the tests shows it). So:

* Writing without reading is to list, create, rename, delete, and to write into what is there, not to read what it holds.
  Listing cannot be kept from it: who may create and rename finds out by trying what there is.
* Where no writer reads, the files that a package brings have no bit for their group to read, and the bits say the table
  exactly. Where some do, or where several tasks write only, the bits let the one that writes only read what it should
  not: in what is there, or in what the other one makes. The plan lists each such right (`narrowed`). Its confinement
  has to take it away, and a hub that cannot confine refuses the package.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from devices.permissions.structure import INNER, OUTER, Directory, FileMode, Right, TaskGrants, right

SHARED: Final = "shared"
"""The name of each inner directory."""
_LONGEST_GROUP: Final = 60
"""Characters of a group's name that lists its tasks; beyond it counts them and names the set by its digest."""


class Narrowed(msgspec.Struct, kw_only=True, frozen=True, order=True):
    """What the bits would give a task and the table does not: it has to be taken away where the task runs."""

    task: str
    resource: str


class Plan(msgspec.Struct, kw_only=True):
    """What would be built. All lists are sorted; equal wishes give equal plans."""

    directories: list[Directory]
    groups: dict[str, list[str]]  # group => its tasks
    tasks: dict[str, TaskGrants]
    access: dict[str, dict[str, Right]]  # task => resource => "r", "w", "rw" or ""
    narrowed: list[Narrowed]
    notes: list[str]  # sentences: what a person should know before deploying this


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants for a task."""

    role: str
    reads: frozenset[str] = field(default_factory=frozenset)
    writes: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class _Pair:
    readers: frozenset[str]
    writers: frozenset[str]

    @property
    def reach(self) -> frozenset[str]:
        return self.readers | self.writers

    @property
    def name(self) -> str:
        """The same for the same sets, whatever else is deployed: a tree that changes little is a short comparison."""
        sets = "\n".join(",".join(sorted(tasks)) for tasks in (self.readers, self.writers))
        return hashlib.sha256(sets.encode()).hexdigest()[:16]


def plan(resources: Iterable[str], wishes: Mapping[str, Wish]) -> Plan:
    """Returns the plan.

    Args:
        resources: all of them, also those that nobody may touch.
        wishes: by task; they name only resources that there are.
    """
    names, tasks = sorted(set(resources)), sorted(wishes)
    pairs = _pairs(names, wishes)
    groups = {name_of(members): sorted(members) for pair in pairs for members in (pair.reach, pair.writers) if members}
    return Plan(
        directories=[directory for pair in sorted(pairs, key=lambda it: it.name) for directory in _built(pair, pairs)],
        groups=dict(sorted(groups.items())),
        tasks=_grants(tasks, wishes, groups),
        access={
            task: {name: right(reads=name in wishes[task].reads, writes=name in wishes[task].writes) for name in names}
            for task in tasks
        },
        narrowed=_narrowed(pairs),
        notes=_notes(pairs, wishes),
    )


def name_of(tasks: frozenset[str]) -> str:
    """Returns the name of the group of these tasks; empty for none of them."""
    listed = "+".join(sorted(tasks))
    if len(listed) <= _LONGEST_GROUP:
        return listed
    return f"{min(tasks)[:20]}+{len(tasks) - 1}-{hashlib.sha256(listed.encode()).hexdigest()[:16]}"


def _pairs(resources: Iterable[str], wishes: Mapping[str, Wish]) -> dict[_Pair, list[str]]:
    readers: dict[str, set[str]] = {}
    writers: dict[str, set[str]] = {}
    for task, wish in wishes.items():
        for name in wish.reads:
            readers.setdefault(name, set()).add(task)
        for name in wish.writes:
            writers.setdefault(name, set()).add(task)
    pairs: dict[_Pair, list[str]] = {}
    for name in resources:
        pair = _Pair(frozenset(readers.get(name, ())), frozenset(writers.get(name, ())))
        pairs.setdefault(pair, []).append(name)
    return pairs


def _built(pair: _Pair, pairs: Mapping[_Pair, list[str]]) -> tuple[Directory, Directory]:
    outer = Directory(path=pair.name, mode=OUTER, group=name_of(pair.reach), resources=[])
    inner = Directory(
        path=f"{pair.name}/{SHARED}",
        mode=INNER,
        group=name_of(pair.writers),
        resources=pairs[pair],
        files=_mode_of_files(pair),
    )
    return outer, inner


def _mode_of_files(pair: _Pair) -> FileMode:
    if not pair.writers:
        return "0644"
    return "0664" if pair.writers & pair.readers else "0624"


def _grants(tasks: Iterable[str], wishes: Mapping[str, Wish], groups: Mapping[str, list[str]]) -> dict[str, TaskGrants]:
    joined: dict[str, list[str]] = {task: [] for task in tasks}
    for group in sorted(groups):
        for task in groups[group]:
            joined[task].append(group)
    return {task: TaskGrants(role=wishes[task].role, groups=joined[task]) for task in joined}


def _narrowed(pairs: Mapping[_Pair, list[str]]) -> list[Narrowed]:
    return sorted(
        Narrowed(task=task, resource=name)
        for pair, names in pairs.items()
        if len(pair.writers) > 1
        for task in pair.writers - pair.readers
        for name in names
    )


def _notes(pairs: Mapping[_Pair, list[str]], wishes: Mapping[str, Wish]) -> list[str]:
    """What a person should know: resources of nobody, and users that own what they may not write."""
    notes = [f"{name}: no task may touch it" for pair, names in pairs.items() if not pair.reach for name in names]
    sharing: dict[str, list[str]] = {}
    for task in sorted(wishes):
        sharing.setdefault(wishes[task].role, []).append(task)
    for role, (first, *others) in sharing.items():
        rights = wishes[first].reads, wishes[first].writes
        notes += [
            f"{first} and {other} share the role {role} and not their rights: "
            "a file that one of them makes belongs to the other one too"
            for other in others
            if (wishes[other].reads, wishes[other].writes) != rights
        ]
    return sorted(notes)
