"""A plan grants what was wished, no more and no less, in the bits of a real system and whatever the order."""

from __future__ import annotations

import itertools
import random
import time

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.deployment.plan import Plan, Wish, plan

READ, WRITE, PASS = 4, 2, 1


def bits(mode: str, group: str, groups: list[str]) -> int:
    """What the kernel grants somebody who owns nothing: the group's bits if he is in it, else those for others."""
    return int(mode, 8) >> 3 & 7 if group in groups else int(mode, 8) & 7


def effective(made: Plan, task: str, resource: str) -> set[str]:
    """What a task can do to a file that the package brings, and to the folder in which it stands."""
    (inner,) = [it for it in made.directories if resource in it.resources]
    (outer,) = [it for it in made.directories if inner.path.startswith(it.path + "/")]
    groups = made.tasks[task].groups
    folder, file = bits(inner.mode, inner.group, groups), bits(inner.files, inner.group, groups)
    if not bits(outer.mode, outer.group, groups) & PASS or not folder & PASS:
        return set()
    return {
        *(["read"] if file & READ else []),
        *(["write"] if file & WRITE else []),
        *(["list"] if folder & READ else []),
        *(["create", "rename", "delete"] if folder & WRITE else []),
    }


MEANS = {
    "": set(),
    "r": {"list", "read"},
    "w": {"list", "write", "create", "rename", "delete"},
    "rw": {"list", "read", "write", "create", "rename", "delete"},
}

names = st.sampled_from("abcdefgh")
wishes = st.dictionaries(
    st.sampled_from(["t1", "t2", "t3", "t4", "t5"]),
    st.builds(Wish, role=st.sampled_from(["x", "y"]), reads=st.frozensets(names), writes=st.frozensets(names)),
)


@given(wishes=wishes)
@settings(max_examples=300, deadline=None)
def test_what_the_bits_grant_each_task_is_the_table_but_for_what_is_said_to_be_narrowed(wishes):
    made = plan("abcdefgh", wishes)
    narrowed = {(it.task, it.resource) for it in made.narrowed}
    for task, resource in itertools.product(wishes, "abcdefgh"):
        may = made.access[task][resource]
        wish = wishes[task]
        assert may == "r" * (resource in wish.reads) + "w" * (resource in wish.writes)
        excess = effective(made, task, resource) - MEANS[may]
        assert MEANS[may] <= effective(made, task, resource)
        assert excess == set() or (excess == {"read"} and may == "w" and (task, resource) in narrowed)
    alone = [(t, r) for t in wishes for r in "abcdefgh" if r in wishes[t].writes - wishes[t].reads]
    for task, resource in set(alone) - narrowed:
        assert [other for other in wishes if resource in wishes[other].writes] == [task]


@given(wishes=wishes, seed=st.integers())
@settings(max_examples=100, deadline=None)
def test_the_order_of_the_input_changes_nothing(wishes, seed):
    shuffled, resources = list(wishes.items()), list("abcdefgh")
    random.Random(seed).shuffle(shuffled)
    random.Random(seed).shuffle(resources)
    assert msgspec.json.encode(plan(resources, dict(shuffled))) == msgspec.json.encode(plan("abcdefgh", wishes))


@given(wishes=wishes)
@settings(max_examples=100, deadline=None)
def test_there_is_one_group_for_each_set_of_tasks_and_a_task_is_in_those_that_open_a_door_for_it(wishes):
    made = plan("abcdefgh", wishes)
    reach = {r: frozenset(t for t in wishes if r in wishes[t].reads | wishes[t].writes) for r in "abcdefgh"}
    writers = {r: frozenset(t for t in wishes if r in wishes[t].writes) for r in "abcdefgh"}
    sets = {members for members in [*reach.values(), *writers.values()] if members}
    assert sorted(map(sorted, made.groups.values())) == sorted(map(sorted, sets))
    used = {it.group for it in made.directories if it.group}
    assert used == set(made.groups)
    for task, grants in made.tasks.items():
        assert grants.groups == sorted(group for group, tasks in made.groups.items() if task in tasks)
    shared = [(reach[r], frozenset(t for t in wishes if r in wishes[t].reads), writers[r]) for r in "abcdefgh"]
    assert len(made.directories) == 2 * len(set(shared))
    assert {it.mode for it in made.directories} <= {"0710", "2775"}


def test_no_group_and_no_bits_on_a_file_keep_three_kinds_of_writers_and_readers_apart():
    wanted = {"reads": READ, "writes": WRITE, "both": READ | WRITE}
    found = [
        (members, mode)
        for size in range(4)
        for members in itertools.combinations(wanted, size)
        for mode in range(0o100)
        if all((mode >> 3 & 7 if kind in members else mode & 7) & 6 == may for kind, may in wanted.items())
    ]
    assert found == []


def test_what_a_person_should_know_is_said():
    made = plan(
        ["log", "nobodys"],
        {
            "a": Wish("x", frozenset(["log"]), frozenset(["log"])),
            "b": Wish("x", frozenset(), frozenset(["log"])),
        },
    )
    assert [(it.task, it.resource) for it in made.narrowed] == [("b", "log")]
    assert made.notes == [
        "a and b share the role x and not their rights: a file that one of them makes belongs to the other one too",
        "nobodys: no task may touch it",
    ]


def test_names_of_groups_of_many_tasks_are_short_and_differ():
    tasks = [f"a-task-with-a-long-name-{number}" for number in range(20)]
    wishes = {task: Wish(task, frozenset(["all", "odd"] if i % 2 else ["all"])) for i, task in enumerate(tasks)}
    made = plan(["all", "odd"], wishes)
    assert len(made.groups) == 2
    assert all(len(group) <= 60 for group in made.groups)


def test_a_thousand_resources_and_two_hundred_tasks_take_no_time_worth_mentioning():
    chance = random.Random(6)
    resources = [f"resource-{number}" for number in range(1000)]
    wishes = {
        f"task-{number}": Wish(
            f"role-{number % 50}", frozenset(chance.sample(resources, 50)), frozenset(chance.sample(resources, 20))
        )
        for number in range(200)
    }
    began = time.process_time()
    made = plan(resources, wishes)
    assert time.process_time() - began < 10
    assert len(made.directories) == 2000
