log = []


def note(x):
    log.append(x)
    return x

import enum
from dataclasses import KW_ONLY, InitVar, astuple, dataclass, field, replace
from functools import total_ordering
from typing import NamedTuple


@dataclass(order=True)
class Version:
    major: int
    minor: int = 0
    name: str = field(default="", compare=False)

    def bumped(self):
        note(self.minor)
        return replace(self, minor=self.minor + 1)


@dataclass(frozen=True)
class Place:
    x: int
    y: int

    def moved(self, by):
        x = self.x + note(by)
        return Place(x, self.y)

    @property
    def far(self):
        note("far")
        return self.x + self.y > 5


@dataclass(slots=True)
class Slotted:
    items: list = field(default_factory=list)
    _: KW_ONLY
    limit: int = 3

    def add(self, x):
        if len(self.items) >= note(self.limit):
            self.items.clear()
        self.items.append(x)
        return self


@dataclass
class Checked:
    low: int
    high: int
    by: InitVar[int] = 1
    size: int = field(init=False)

    def __post_init__(self, by):
        note("checked")
        if self.low > note(self.high):
            raise ValueError(note("low is above high"))
        self.size = (self.high - self.low) * by


@dataclass
class Child(Checked):
    label: str = "child"

    def __str__(self):
        note(self.label)
        return f"{self.label}: {self.size}"


class Weekday(enum.IntEnum):
    MONDAY = 1
    SUNDAY = 7

    @property
    def free(self):
        note(self.name)
        return self is Weekday.SUNDAY

    @classmethod
    def parsed(cls, text):
        for each in cls:
            if note(each.name) == text.upper():
                return each
        raise ValueError(text)


class Access(enum.Flag):
    READ = enum.auto()
    WRITE = enum.auto()
    BOTH = READ | WRITE

    def allows(self, other):
        note(other)
        return other in self


class Shape(enum.Enum):
    SQUARE = "square"
    ROUND = "round"

    def area(self, size):
        match self:
            case Shape.SQUARE:
                note("square")
                return size * size
            case Shape.ROUND:
                return note(3) * size * size

    def __str__(self):
        return f"a {note(self.value)} one"


class Pair(NamedTuple):
    left: int
    right: int = 2

    def total(self):
        note(self)
        return self.left + self.right


@total_ordering
class Ordered:
    def __init__(self, n):
        self.n = n

    def __eq__(self, other):
        note("eq")
        return self.n == other.n

    def __lt__(self, other):
        note("lt")
        return self.n < other.n


def ordered_records():
    one, two = Version(1, 2), Version(1, note(3), "two")
    note(one < two)
    three = one.bumped()
    note(three == two)
    found = max([two, three, Version(0)], key=lambda each: each.minor)
    return sorted([two, one, Version(0, 9)]), found, repr(three)


def frozen_records():
    place = Place(1, 2)
    seen = {place: note("here")}
    for step in range(3):
        place = place.moved(step)
        if place.far:
            break
        seen[place] = step
    try:
        place.x = note(9)
    except AttributeError as error:
        note(type(error).__name__)
    return place, sorted(map(astuple, seen)), hash(place) == hash(Place(4, 2))


def records_with_slots():
    held = Slotted(limit=note(2))
    for x in range(4):
        held.add(x).add(note(-x))
    try:
        held.other = 1
    except AttributeError:
        note("no such slot")
    return held, hasattr(held, "__dict__")


def records_that_check():
    out = [Checked(1, note(4), by=2).size]
    try:
        Checked(5, note(4))
    except ValueError as error:
        out.append(str(error))
    child = Child(0, 2, label=note("small"))
    out.append(str(child))
    return out, child


def enums_with_methods():
    day = Weekday.parsed("sunday")
    note(day.free)
    out = [day + 1, Weekday(1).free, day > Weekday.MONDAY]
    try:
        Weekday.parsed("never")
    except ValueError as error:
        out.append(error.args)
    return out, Weekday["MONDAY"] is Weekday(note(1)), list(Weekday)


def flags():
    access = Access.READ
    note(access.allows(Access.WRITE))
    access |= Access.WRITE
    note(access)
    return access is Access.BOTH, access.allows(Access.READ), access & ~Access.READ, [each.name for each in Access]


def enums_in_a_match():
    out = []
    for shape in Shape:
        out.append(shape.area(note(2)))
        out.append(str(shape))
    return out, {Shape.ROUND: note(1)}[Shape("round")]


def named_tuples():
    pair = Pair(note(1))
    left, right = pair
    note(pair.total())
    other = pair._replace(right=note(5))
    return other.total(), left, right, pair._asdict(), other > pair


def totally_ordered():
    one, two = Ordered(1), Ordered(2)
    out = [one < two, note(one == two)]
    out.append(one != two)
    return out


def main():
    return (
        ordered_records(), frozen_records(), records_with_slots(), records_that_check(), enums_with_methods(), flags(),
        enums_in_a_match(), named_tuples(), totally_ordered(),
    )
