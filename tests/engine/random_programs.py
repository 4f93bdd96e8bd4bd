"""Random programs from a grammar of statements and expressions: small, always ending, noting what they do."""

from __future__ import annotations

from random import Random

PREAMBLE = """from contextlib import suppress

log = []
total = 0


class Oops(Exception):
    pass


def note(x):
    if len(log) < 200:
        log.append(x)
    return x


def boom(x):
    note(x)
    raise Oops(x)


def told(error):
    # of a variable without a value in a comprehension Pythons tell different things
    return "NameError" if isinstance(error, NameError) else repr(error)


class Guard:
    def __init__(self, n, eat):
        self.n = n
        self.eat = eat

    def __enter__(self):
        {enter}
        return self.n

    def __exit__(self, kind, value, tb):
        log.append(("out", self.n, value and told(value)))
        return self.eat and kind is Oops


class Box:
    def __init__(self, v):
        self.v = v

    def get(self, d=0):
        note(("get", self.v))
        return self.v + d
{operators}

def gen(n):
    for i in range(n):
        got = yield note(i)
        if got:
            note(got)
    return n


def driven(n):
    left = n
    try:
        while left > 0:
            try:
                got = yield note(("at", left))
                note(got)
            except Oops as error:
                note(repr(error))
            finally:
                left -= 1
        return note(n)
    finally:
        note("over")


def bump(x):
    global total
    total += 1
    return note(x) + total


def times(k):
    def wrap(function):
        def inner(*args, **named):
            note(k)
            return function(*args, **named) + k

        return inner

    return wrap


def stars(*args, k=0, **more):
    note((args, k, more))
    return len(args) + k + len(more)


"""
OPERATORS = """
    def __add__(self, other):
        note("add")
        return self.v + other

    def __radd__(self, other):
        note("radd")
        return other + self.v

    def __iadd__(self, other):
        note("iadd")
        self.v += other
        return self

    def __lt__(self, other):
        return note("lt") and self.v < other

    def __call__(self, x=1):
        note("call")
        return x + self.v

    def __getitem__(self, i):
        note(("item", i))
        return self.v

    def __setitem__(self, i, x):
        note(("set", i))
        self.v = x

    def __len__(self):
        return len([note(1)])

    @property
    def half(self):
        note("half")
        return self.v // 2

    @half.setter
    def half(self, x):
        self.v = note(x) * 2
"""
NAMES = ("a", "b", "c")


class Programs:
    """Writes a program by the choices of ``random``."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.lines: list[str] = []
        self.names: tuple[str, ...] = NAMES
        self.most = 0
        self.depth = 0
        self.loops = 0
        self.in_group_handler = False
        self.count = 0
        self.in_generator = False
        self.has_helper = False
        self.has_operators = False

    # -- expressions

    def choose(self, *items: str) -> str:
        return self.random.choice(items)

    def name(self) -> str:
        return self.choose(*self.names)

    def number(self, depth: int = 0) -> str:
        def inner() -> str:
            return self.number(depth + 1)

        simple = [lambda: str(self.random.randrange(5)), self.name, self.name, lambda: f"note({inner()})"]
        compound = [
            lambda: f"({inner()} {self.choose('+', '-', '*')} {inner()})",
            lambda: f"({inner()} if {self.condition(depth + 1)} else {inner()})",
            lambda: f"({inner()} {self.choose('and', 'or')} {inner()})",
            lambda: f"len([{inner()}, *[{inner()}]])",
            lambda: f"[{inner()}, {inner()}][{self.choose('0', '-1', 'note(1)')}]",
            lambda: f"box.get({inner()})",
            lambda: "box.v",
            lambda: f"(lambda q: note(q) + {self.name()})({inner()})",
            lambda: f"sum([note(z) + {self.name()} for z in range({self.random.randrange(3)}) if {self.condition(2)}])",
            lambda: f"({self.choose(*NAMES) if self.names == NAMES else 'x'} := {inner()})",
            lambda: f"helper({inner()}, {inner()})" if self.has_helper else f"note({inner()})",
            lambda: f"max({inner()}, {inner()})",
            lambda: f"{{1: {inner()}, note(2): {inner()}}}[{self.choose('1', '2')}]",
            lambda: f'len(f"{{note({self.name()})}} {{note({self.name()})!r:>4}}")',
            lambda: f"Box({inner()}).get({inner()})",
            lambda: f"bump({inner()})",
            lambda: f"stars({inner()}, *[{inner()}, {inner()}], k={inner()}, **{{'l': {inner()}}})",
            lambda: f"stars(*gen({self.random.randrange(3)}), {inner()}, **{{'k': {inner()}}})",
            lambda: f"(lst.append({inner()}) or lst.pop())",
            lambda: f"[lst.append({inner()}) or lst.pop(), lambda: {self.name()}, {inner()}][0]",
            lambda: f"(lambda q, r={inner()}, *s, t={inner()}: note(q) + r + t)({inner()})",
            lambda: f"sum(note(z) + {inner()} for z in range({self.random.randrange(3)}))",
            lambda: f"len({{note(z): [y for y in range(z)] for z in range(3) if {self.condition(2)}}})",
            lambda: f"len(lst[{inner()}:{self.choose('', 'note(3)')}])",
            lambda: f"-{inner()} // ({inner()} & 3 | 1)",
            lambda: f"({inner()} ^ {inner()} % 4 << 1)",
            lambda: f"int({self.condition(2)})",
        ]
        if self.has_operators:
            compound += [
                lambda: f"(box + {inner()})",
                lambda: f"({inner()} + box)",
                lambda: f"box({inner()})",
                lambda: f"box[{inner()}]",
                lambda: "len(box)",
                lambda: "box.half",
                lambda: f"int(box < {inner()})",
                lambda: f"(Box({inner()}) + Box({inner()}).v)",
            ]
        return self.random.choice(simple + simple + compound if depth < 3 else simple[:3])()

    def condition(self, depth: int = 0) -> str:
        def inner() -> str:
            return self.number(depth + 1)

        choices = [
            lambda: f"{inner()} < {inner()}",
            lambda: f"note({inner()}) < {inner()} <= note({inner()})",
            lambda: f"not {inner()}",
            lambda: f"note({self.choose('True', 'False')})",
            lambda: f"{inner()} in ({inner()}, 1)",
            lambda: f"{self.name()} % 2 == {self.random.randrange(2)}",
        ]
        if depth < 2:
            choices.append(
                lambda: f"({self.condition(depth + 1)} {self.choose('and', 'or')} {self.condition(depth + 1)})"
            )
        return self.random.choice(choices)()

    # -- statements

    def put(self, indent: int, text: str) -> None:
        self.lines.append("    " * indent + text)

    def block(self, indent: int, most: int = 3) -> None:
        self.depth += 1
        for _ in range(self.random.randrange(1, most + 1)):
            self.statement(indent)
        self.depth -= 1

    def statement(self, indent: int) -> None:
        simple = [self.assignment, self.assignment, self.effect, self.leaving]
        simple += [self.driving, self.deletion, self.targets]
        compound = [
            self.branch,
            self.for_loop,
            self.while_loop,
            self.attempt,
            self.attempt,
            self.with_block,
            self.group,
        ]
        if self.depth > 4 or len(self.lines) > self.most:
            compound = []
        elif not self.in_generator and self.names == NAMES:
            compound += [self.match, self.inner_function, self.inner_generator]
        self.random.choice(simple + compound)(indent)

    def assignment(self, indent: int) -> None:
        name, value = self.name(), self.number
        if self.in_generator and self.random.random() < 0.4:
            self.put(
                indent,
                self.choose(
                    f"{name} = (yield {value()}) or {value()}",
                    f"{name} = [{value()}, (yield {value()}), {value()}][0]",
                    f"{name} = yield from driven({self.random.randrange(3)})",
                    f"{name} = (yield from gen({self.random.randrange(3)})) + {value()}",
                ),
            )
            return
        if self.has_operators and self.random.random() < 0.2:
            self.put(
                indent,
                self.choose(
                    f"box += {value()}", f"box[{value()}] = {value()}", f"box[0] += {value()}", f"box.half = {value()}"
                ),
            )
            return
        self.put(
            indent,
            self.choose(
                f"{name} = {value()}",
                f"{name} {self.choose('+=', '-=')} {value()}",
                f"box.v = {value()}",
                f"box.v += {value()}",
                f"lst[{self.choose('0', 'note(0)')}] += {value()}",
                f"lst[0], {name} = {value()}, {value()}",
                f"{name} = box.v = {value()}",
                f"{name} = next(g, {value()})",
            ),
        )

    def driving(self, indent: int) -> None:
        """Sends, throws or closes; what ends the generator makes a new one."""
        step = self.choose(
            f"note(d.send({self.number()}))", f"note(d.throw(Oops({self.number()})))", "d.close()", "note(next(d))"
        )
        self.put(indent, f"try: {step}")
        self.put(indent, "except (StopIteration, Oops, TypeError) as end: note(repr(end)); d = driven(2)")

    def deletion(self, indent: int) -> None:
        kept = self.choose("box.v", "lst[0]")
        self.put(indent, f"kept = {kept}; del {kept}; {self.choose('note(kept)', 'pass')}")
        self.put(indent, "box.v = kept" if kept == "box.v" else "lst.insert(0, kept)")

    def targets(self, indent: int) -> None:
        first, second, value = self.name(), self.name(), self.number
        self.put(
            indent,
            self.choose(
                f"{first}, *some, {second} = {value()}, {value()}, {value()}, {value()}; note(some)",
                f"[{first}, (box.v, *some)] = {value()}, [{value()}, {value()}]; note(some)",
                f"lst[note(0):1] = [{value()}, {value()}]",
                f"{first}: int = {value()}",
                f"assert {self.condition()} or note(True), {value()}",
            ),
        )

    def effect(self, indent: int) -> None:
        self.put(indent, self.choose(f"note({self.number()})", "note(next(g, None))", "del lst[1:]", "pass"))

    def leaving(self, indent: int) -> None:
        condition = f"{self.condition()} and {self.condition()}"
        ways = ("boom",) if self.in_group_handler else ("boom", "return ")
        if self.loops and self.random.random() < 0.6:
            self.put(indent, f"if {condition}: {self.choose('break', 'continue')}")
        else:
            self.put(indent, f"if {condition} and note(True): {self.choose(*ways)}({self.number()})")

    def branch(self, indent: int) -> None:
        self.put(indent, f"if {self.condition()}:")
        self.block(indent + 1)
        if self.random.random() < 0.4:
            self.put(indent, f"elif {self.condition()}:")
            self.block(indent + 1)
        self.maybe(indent, "else:")

    def maybe(self, indent: int, header: str, chance: float = 0.4) -> None:
        if self.random.random() < chance:
            self.put(indent, header)
            self.block(indent + 1)

    def for_loop(self, indent: int) -> None:
        self.count += 1
        size = self.random.randrange(4)
        pairs = self.random.random() < 0.2
        source = (
            f"enumerate(gen({size}))"
            if pairs
            else self.choose(
                f"range({size})",
                f"[{self.number()}, {self.number()}]",
                f"gen({size})",
                f"(note(t) for t in range({size}))",
            )
        )
        target = f"(w{self.count}, {self.name()})" if pairs else self.choose(self.name(), f"w{self.count}", "lst[0]")
        self.put(indent, f"for {target} in {source}:")
        self.loop_body(indent)
        self.maybe(indent, "else:", 0.3)

    def loop_body(self, indent: int) -> None:
        self.loops += 1
        self.block(indent + 1)
        self.loops -= 1

    def while_loop(self, indent: int) -> None:
        self.count += 1
        counter = f"k{self.count}"
        self.put(indent, f"{counter} = 0")
        self.put(indent, f"while ({counter} := {counter} + 1) < {self.random.randrange(2, 4)} and {self.condition()}:")
        self.loop_body(indent)
        self.maybe(indent, "else:", 0.3)

    def attempt(self, indent: int) -> None:
        self.put(indent, "try:")
        self.block(indent + 1)
        kind = self.random.random()
        if kind < 0.75:
            name = self.choose("", " as err")
            self.put(indent, f"except {self.choose('Oops', '(Oops, TypeError)', 'Exception')}{name}:")
            if name:
                self.put(indent + 1, "note(told(err))")
            self.block(indent + 1)
            if self.random.random() < 0.3:
                self.put(indent + 1, self.choose("raise", "raise ValueError(note(1))", "raise KeyError(2) from None"))
            self.maybe(indent, "else:", 0.3)
        if kind > 0.5:
            self.put(indent, "finally:")
            self.block(indent + 1)

    def group(self, indent: int) -> None:
        """Exception groups: their handlers have no way out but an exception."""
        self.put(indent, "try:")
        self.block(indent + 1, 2)
        if self.random.random() < 0.6:
            self.put(indent + 1, f"raise ExceptionGroup('g', [Oops({self.number()}), KeyError({self.number()})])")
        for kinds in self.random.choice((("Oops", "KeyError"), ("(KeyError, Oops)",), ("Exception",), ("KeyError",))):
            self.put(indent, f"except* {kinds} as several:")
            self.put(indent + 1, "note([told(each) for each in several.exceptions])")
            outer = self.loops, self.in_group_handler
            self.loops, self.in_group_handler = 0, True
            self.block(indent + 1, 2)
            self.loops, self.in_group_handler = outer
            if self.random.random() < 0.3:
                self.put(indent + 1, self.choose("raise", "raise ValueError(note(1))", "raise KeyError(2) from None"))
        self.maybe(indent, "else:", 0.3)
        self.maybe(indent, "finally:", 0.3)

    def with_block(self, indent: int) -> None:
        target = self.choose("", f" as {self.name()}", " as box.v")
        managers = [f"Guard({self.number()}, {self.choose('True', 'False')}){target}"]
        if self.random.random() < 0.3:
            managers.append(self.choose("suppress(Oops)", f"Guard({self.number()}, {self.condition(2)})"))
        self.put(indent, f"with {', '.join(managers)}:")
        self.block(indent + 1)

    def match(self, indent: int) -> None:
        name, value = self.name(), self.number
        subject = self.choose(
            value(), f"[{value()}, {value()}]", f"{{'k': {value()}, 'l': {value()}}}", f"Box({value()})", "None"
        )
        patterns = (
            "0 | 1", "None | True", f"[{name}, *some]", f"[1, {name}]", f"{{'k': {name}, **some}}", f"Box(v={name})",
            f"Box() as {name}" if self.has_operators else "Box(v=1)", f"int() as {name}",
        )  # fmt: skip
        self.put(indent, f"match {subject}:")
        for pattern in self.random.sample(patterns, 3):
            self.put(indent + 1, f"case {pattern}{self.choose('', f' if {self.condition()}')}:")
            self.block(indent + 2)
        self.put(indent + 1, "case _:")
        self.block(indent + 2)

    def inner_function(self, indent: int) -> None:
        self.count += 1
        name, shared = f"f{self.count}", self.choose(*NAMES)
        if self.random.random() < 0.3:
            self.put(indent, f"@times({self.number()})")
        self.put(indent, f"def {name}(x, y={self.number()}):")
        if self.random.random() < 0.5:
            self.put(indent + 1, f"nonlocal {shared}")
            self.put(indent + 1, f"{shared} = {self.number()}")
        loops, self.loops, self.names = self.loops, 0, ("x", "y")
        self.block(indent + 1, 2)
        self.loops, self.names = loops, NAMES
        self.put(indent + 1, f"return x + {shared}")
        self.put(indent, f"{self.name()} = {name}({self.number()})")

    def inner_generator(self, indent: int) -> None:
        self.count += 1
        name, shared = f"g{self.count}", self.choose(*NAMES)
        self.put(indent, f"def {name}(x, y={self.number()}):")
        self.put(indent + 1, f"nonlocal {shared}")
        loops, self.loops, self.names, self.in_generator = self.loops, 0, ("x", "y"), True
        self.block(indent + 1, 2)
        self.put(indent + 1, f"{shared} = yield x")
        self.put(indent + 1, f"return y + ({shared} or 0)")
        self.loops, self.names, self.in_generator = loops, NAMES, False
        self.put(indent, self.choose(f"lst[1:] = {name}({self.number()})", f"d = {name}({self.number()})"))

    # -- programs

    def function(self, name: str, parameters: str, last: str, *, generator: bool = False) -> None:
        self.in_generator = generator
        self.put(0, f"def {name}({parameters}):")
        for line in ("box = Box(1)", "lst = [1, 2, 3]", "g = gen(3)", "d = driven(2)"):
            self.put(1, line)
        for variable in NAMES:
            if variable not in parameters:
                self.put(1, f"{variable} = {self.random.randrange(4)}")
        self.most = len(self.lines) + self.random.randrange(5, 20)
        self.block(1, 4)
        self.put(1, last)
        self.put(0, "")
        self.put(0, "")

    def program(self) -> str:
        enter = self.choose('log.append(("in", self.n))', 'note(("in", self.n))')
        self.has_operators = self.random.random() < 0.4
        self.function("helper", "a, b", "return a + b")
        self.has_helper = True
        self.function("many", "a, b", "yield c", generator=True)
        self.function("main", "", "return [*many(a, b)], (a, b, c, lst, box.v)")
        preamble = PREAMBLE.replace("{enter}", enter).replace("{operators}", OPERATORS if self.has_operators else "")
        return preamble + "\n".join(self.lines).rstrip() + "\n"
