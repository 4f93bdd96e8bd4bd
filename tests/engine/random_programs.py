"""Random programs from a grammar of statements and expressions: small, always ending, noting what they do."""

from __future__ import annotations

from random import Random

PREAMBLE = """log = []


class Oops(Exception):
    pass


def note(x):
    if len(log) < 200:
        log.append(x)
    return x


def boom(x):
    note(x)
    raise Oops(x)


class Guard:
    def __init__(self, n, eat):
        self.n = n
        self.eat = eat

    def __enter__(self):
        {enter}
        return self.n

    def __exit__(self, kind, value, tb):
        log.append(("out", self.n, kind and kind.__name__))
        return self.eat and kind is Oops


class Box:
    def __init__(self, v):
        self.v = v

    def get(self, d=0):
        note(("get", self.v))
        return self.v + d


def gen(n):
    for i in range(n):
        got = yield note(i)
        if got:
            note(got)
    return n


"""
NAMES = ("a", "b", "c")


class Programs:
    """Writes the program of a seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.lines: list[str] = []
        self.names: tuple[str, ...] = NAMES
        self.most = 0
        self.depth = 0
        self.loops = 0
        self.count = 0
        self.in_generator = False
        self.has_helper = False

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
        compound = [self.branch, self.for_loop, self.while_loop, self.attempt, self.attempt, self.with_block]
        if self.depth > 4 or len(self.lines) > self.most:
            compound = []
        elif not self.in_generator and self.names == NAMES:
            compound += [self.match, self.inner_function]
        self.random.choice(simple + compound)(indent)

    def assignment(self, indent: int) -> None:
        name, value = self.name(), self.number
        if self.in_generator and self.random.random() < 0.4:
            self.put(indent, f"{name} = (yield {value()}) or {value()}")
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

    def effect(self, indent: int) -> None:
        self.put(indent, self.choose(f"note({self.number()})", "note(next(g, None))", "del lst[1:]", "pass"))

    def leaving(self, indent: int) -> None:
        condition = f"{self.condition()} and {self.condition()}"
        if self.loops and self.random.random() < 0.6:
            self.put(indent, f"if {condition}: {self.choose('break', 'continue')}")
        else:
            self.put(indent, f"if {condition} and note(True): {self.choose('boom', 'return ')}({self.number()})")

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
                self.put(indent + 1, "note(repr(err))")
            self.block(indent + 1)
            if self.random.random() < 0.3:
                self.put(indent + 1, self.choose("raise", "raise ValueError(note(1))", "raise KeyError(2) from None"))
            self.maybe(indent, "else:", 0.3)
        if kind > 0.5:
            self.put(indent, "finally:")
            self.block(indent + 1)

    def with_block(self, indent: int) -> None:
        target = self.choose("", f" as {self.name()}", " as box.v")
        self.put(indent, f"with Guard({self.number()}, {self.choose('True', 'False')}){target}:")
        self.block(indent + 1)

    def match(self, indent: int) -> None:
        self.put(indent, f"match {self.number()}:")
        for pattern in ("0 | 1", f"int() as {self.name()}"):
            self.put(indent + 1, f"case {pattern}{self.choose('', f' if {self.condition()}')}:")
            self.block(indent + 2)
        self.put(indent + 1, "case _:")
        self.block(indent + 2)

    def inner_function(self, indent: int) -> None:
        self.count += 1
        name, shared = f"f{self.count}", self.choose(*NAMES)
        self.put(indent, f"def {name}(x, y={self.number()}):")
        if self.random.random() < 0.5:
            self.put(indent + 1, f"nonlocal {shared}")
            self.put(indent + 1, f"{shared} = {self.number()}")
        loops, self.loops, self.names = self.loops, 0, ("x", "y")
        self.block(indent + 1, 2)
        self.loops, self.names = loops, NAMES
        self.put(indent + 1, f"return x + {shared}")
        self.put(indent, f"{self.name()} = {name}({self.number()})")

    # -- programs

    def function(self, name: str, parameters: str, last: str, *, generator: bool = False) -> None:
        self.in_generator = generator
        self.put(0, f"def {name}({parameters}):")
        for line in ("box = Box(1)", "lst = [1, 2, 3]", "g = gen(3)"):
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
        self.function("helper", "a, b", "return a + b")
        self.has_helper = True
        self.function("many", "a, b", "yield c", generator=True)
        self.function("main", "", "return [*many(a, b)], (a, b, c, lst, box.v)")
        return PREAMBLE.replace("{enter}", enter) + "\n".join(self.lines).rstrip() + "\n"
