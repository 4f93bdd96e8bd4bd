log = []


def note(x):
    log.append(x)
    return x

from abc import ABC, abstractmethod
from functools import cached_property, partial, singledispatch, wraps


class Base:
    __slots__ = ("a", "__hidden")
    made = 0

    def __init__(self, a):
        note(("base", a))
        self.a = a
        self.__hidden = note(a * 2)
        type(self).made += 1

    def hidden(self):
        return note(self.__hidden)


class Left(Base):
    __slots__ = ("left",)

    def __init__(self, a, left=1, **rest):
        note("left")
        super().__init__(a, **rest)
        self.left = left

    def path(self):
        return ["Left"]


class Right(Base):
    __slots__ = ()

    def __init__(self, a, **rest):
        note("right")
        super().__init__(a + 1, **rest)

    def path(self):
        return ["Right"]


class Diamond(Left, Right):
    __slots__ = ("__dict__",)

    def path(self):
        note("diamond")
        found = super().path()
        return ["Diamond", *found, *super(Left, self).path()]


class Typed:
    def __set_name__(self, owner, name):
        self.name = "_" + name

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        note(("get", self.name))
        return instance.__dict__[self.name]

    def __set__(self, instance, value):
        note(("set", self.name))
        if not isinstance(value, int):
            raise TypeError(note("not a number"))
        instance.__dict__[self.name] = value

    def __delete__(self, instance):
        note(("delete", self.name))
        del instance.__dict__[self.name]


class Measured:
    size = Typed()
    weight = Typed()

    def __init__(self, size, weight):
        self.size = size
        self.weight = weight

    @property
    def density(self):
        note("density")
        return self.weight // self.size

    @density.setter
    def density(self, value):
        note(("density =", value))
        self.weight = value * self.size

    @density.deleter
    def density(self):
        note("no density")
        self.weight = 0


class Plugin:
    known = {}

    def __init_subclass__(cls, /, name, **rest):
        super().__init_subclass__(**rest)
        Plugin.known[name] = cls

    def run(self):
        return note(type(self).__name__)


class First(Plugin, name="first"):
    pass


class Second(Plugin, name="second"):
    def run(self):
        return "second " + super().run()


class Work(ABC):
    def whole(self):
        out = [self.part(n) for n in range(note(2))]
        return out

    @abstractmethod
    def part(self, n): ...


class Doubling(Work):
    def part(self, n):
        note(("part", n))
        return n * 2


class Made:
    def __init__(self, n):
        self.n = n

    @classmethod
    def parsed(cls, text):
        note(cls.__name__)
        return cls(int(note(text)))

    @staticmethod
    def checked(n):
        if note(n) < 0:
            raise ValueError("negative")
        return n

    def __call__(self, *more):
        note(("called", more))
        return self.n + sum(more)

    def __len__(self):
        return note(self.n)

    def __bool__(self):
        note("bool")
        return self.n > 1

    def __contains__(self, x):
        for i in range(self.n):
            if note(i) == x:
                return True
        return False

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        note(("missing", name))
        return name * self.n

    @cached_property
    def slow(self):
        note("slow")
        return self.n * 100


class More(Made):
    @classmethod
    def parsed(cls, text):
        made = super().parsed(text + "0")
        note(made.n)
        return made


class Meta(type):
    def twice(cls):
        note(cls.__name__)
        return cls.value * 2


class OfMeta(metaclass=Meta):
    value = 4


class Linked:
    def __init__(self, value, rest=None):
        self.value, self.rest = value, rest

    def __iter__(self):
        node = self
        while node is not None:
            yield node.value
            node = node.rest

    def __add__(self, other):
        note("add")
        if self.rest is None:
            return Linked(self.value, other)
        return Linked(self.value, self.rest + other)

    def __eq__(self, other):
        return isinstance(other, Linked) and list(self) == list(other)

    __hash__ = None


@singledispatch
def shown(value):
    return note(("any", value))


@shown.register
def _(value: int):
    note("int")
    return value + 1


def inherited_slots():
    d = Diamond(1, left=note(2))
    d.extra = note(3)
    note(d.hidden())
    return d.a, d.left, vars(d), d.path(), Diamond.made, Base.made


def slots_that_are_not_set():
    held = Right(note(1))
    del held.a
    note("deleted")
    try:
        return held.a
    except AttributeError:
        note("not set")
    held.a = note(5)
    try:
        held.other = 1
    except AttributeError:
        return held.a, held.hidden()


def descriptors():
    m = Measured(2, note(8))
    out = [m.density]
    m.density = note(5)
    out.append(m.weight)
    try:
        m.size = note("big")
    except TypeError as error:
        out.append(str(error))
    del m.density
    m.size += note(1)
    del m.weight
    return out, sorted(vars(m))


def subclasses_that_register():
    out = []
    for name in ("first", "second"):
        out.append(Plugin.known[name]().run())
    return out


def abstract_classes():
    try:
        Work()
    except TypeError:
        note("abstract")
    return Doubling().whole()


def kinds_of_methods():
    out = [More.parsed("1").n, Made.parsed(note("2")).n, Made.checked(note(3)), More(1).checked(4)]
    try:
        Made.checked(-1)
    except ValueError as error:
        out.append(str(error))
    return out


def objects_called_and_asked():
    made = Made(2)
    out = [made(note(1), 2), len(made), 1 in made, note(5) not in made, made.anything]
    if made and not Made(1):
        out.append("true")
    try:
        made._private
    except AttributeError as error:
        out.append(str(error))
    return out


def cached_properties():
    made = Made(3)
    out = [made.slow, made.slow]
    note(out)
    made.n = 4
    del made.slow
    out.append(made.slow)
    return out


def bound_methods_kept():
    made = Made(1)
    ask, parse, add = made.__call__, More.parsed, partial(made, note(10))
    made.n = note(5)
    return ask(1), parse("7").n, add(2), list(map(add, [1, 2]))


def metaclasses():
    found = OfMeta.twice()
    OfMeta.value = note(1)
    return found, OfMeta.twice(), type(OfMeta).__name__


def linked_lists():
    one = Linked(1, Linked(2))
    two = one + Linked(3)
    total = 0
    for value in two:
        total += note(value)
    return total, two == Linked(1, Linked(2, Linked(3))), list(one)


def mutual_recursion():
    def even(n):
        return True if n == 0 else odd(note(n) - 1)

    def odd(n):
        return n != 0 and even(note(n) - 1)

    class Walker:
        def down(self, n):
            return [n] if n == 0 else [n, *self.up(n - 1)]

        def up(self, n):
            note(n)
            return self.down(n)

    return even(4), odd(4)


def generic_functions():
    out = [shown(note(1)), shown("text"), shown([note(2)])]
    return out


def wrapped():
    def loud(function):
        @wraps(function)
        def inner(*args):
            note(function.__name__)
            result = function(*args)
            note(result)
            return result

        return inner

    @loud
    def add(a, b):
        "Adds."
        return note(a) + b

    return add(1, 2), add.__name__, add.__doc__, add.__wrapped__(3, 4)


def main():
    return (
        inherited_slots(), slots_that_are_not_set(), descriptors(), subclasses_that_register(), abstract_classes(),
        kinds_of_methods(), objects_called_and_asked(), cached_properties(), bound_methods_kept(), metaclasses(),
        linked_lists(), mutual_recursion(), generic_functions(), wrapped(),
    )
