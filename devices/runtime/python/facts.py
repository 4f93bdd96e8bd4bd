"""What can be said of names without running anything: which calls never lead into the program, which names stay.

A wrong "never" costs a stop that is passed by, never a wrong result: a caller is taken to be in a call only at a site
(`callee`). The lists are fixed and not read from the running Python, because statements must be numbered alike on all.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Final

NUMBERED_BUILTINS: Final = frozenset({"next"})
"""Built-in functions whose call is a site: the frame above them may be a generator of the program."""

BUILTINS: Final = frozenset(
    """abs aiter all anext any ascii bin bool breakpoint bytearray bytes callable chr classmethod compile complex delattr
    dict dir divmod enumerate eval exec filter float format frozenset getattr globals hasattr hash help hex id input int
    isinstance issubclass iter len list locals map max memoryview min next object oct open ord pow print property range
    repr reversed round set setattr slice sorted staticmethod str sum super tuple type vars zip __import__
    ArithmeticError AssertionError AttributeError BaseException BaseExceptionGroup BlockingIOError BrokenPipeError
    BufferError BytesWarning ChildProcessError ConnectionAbortedError ConnectionError ConnectionRefusedError
    ConnectionResetError DeprecationWarning EOFError Ellipsis EncodingWarning EnvironmentError Exception ExceptionGroup
    FileExistsError FileNotFoundError FloatingPointError FutureWarning GeneratorExit IOError ImportError ImportWarning
    IndentationError IndexError InterruptedError IsADirectoryError KeyError KeyboardInterrupt LookupError MemoryError
    ModuleNotFoundError NameError NotADirectoryError NotImplemented NotImplementedError OSError OverflowError
    PendingDeprecationWarning PermissionError ProcessLookupError RecursionError ReferenceError ResourceWarning
    RuntimeError RuntimeWarning StopAsyncIteration StopIteration SyntaxError SyntaxWarning SystemError SystemExit TabError
    TimeoutError TypeError UnboundLocalError UnicodeDecodeError UnicodeEncodeError UnicodeError UnicodeTranslateError
    UnicodeWarning UserWarning ValueError Warning ZeroDivisionError""".split()  # noqa: SIM905  (a list of 200 literals is no easier to read)
)

BUILTIN_METHODS: Final = frozenset(
    """append extend insert remove clear copy index count sort reverse pop popitem popleft appendleft extendleft rotate
    keys values items setdefault update add discard union intersection difference symmetric_difference issubset issuperset
    isdisjoint intersection_update difference_update join split rsplit splitlines strip lstrip rstrip startswith endswith
    replace format lower upper title capitalize casefold swapcase center ljust rjust zfill expandtabs partition rpartition
    find rfind rindex isdigit isalpha isalnum isspace isupper islower isidentifier isnumeric isdecimal isprintable encode
    decode removeprefix removesuffix translate hex fromhex bit_length bit_count to_bytes from_bytes is_integer
    as_integer_ratio conjugate isoformat strftime timestamp total_seconds most_common elements group groups groupdict
    finditer fullmatch""".split()  # noqa: SIM905  (a list of 200 literals is no easier to read)
)
"""Methods of built-in types; a program that has one of its own by such a name makes it an ordinary one."""

QUIET_MODULES: Final = frozenset(
    """math cmath itertools operator struct datetime decimal fractions statistics json re random string textwrap
    collections functools copy zlib hashlib binascii base64 array bisect heapq uuid enum dataclasses typing time types
    calendar colorsys""".split()  # noqa: SIM905  (a list of 200 literals is no easier to read)
)
"""Standard modules whose functions never block for long and never let the program be stopped inside."""


@dataclass
class Facts:
    """What the files of one program say.

    Attributes:
        own: every identifier by which something could be found that the program made.
        quiet_modules: of `QUIET_MODULES`, those that no file of the program's own stands for.
        special: special methods that its classes define.
        computed: attributes behind which a method of the program may stand: properties, and what descriptors manage.
        stored: attributes that are assigned or deleted somewhere, by name.
        methods: how many classes define a method by a name.
        identity: something is compared by ``is`` with more than None, True and the like.
        numbers: ``id`` is mentioned.
        imports_inside: a function imports something: a module may be reached by no global name.
        dynamic: attributes may come and go in ways that names do not show.
        bare_iterators: a class has a ``__next__`` without an ``__iter__``: a ``for`` takes it, `iter` twice does not.
        long_managers: an ``__enter__`` or ``__exit__`` of the program calls something or loops: one may want to stop
            in it, so that ``with`` is spelled out.
    """

    own: set[str] = field(default_factory=set)
    quiet_modules: frozenset[str] = QUIET_MODULES
    special: set[str] = field(default_factory=set)
    computed: set[str] = field(default_factory=set)
    stored: set[str] = field(default_factory=set)
    methods: dict[str, int] = field(default_factory=dict)
    identity: bool = False
    numbers: bool = False
    imports_inside: bool = False
    dynamic: bool = False
    long_managers: bool = False
    bare_iterators: bool = False

    def quiet_method(self, name: str) -> bool:
        """Tells whether a method by this name can only be a built-in type's."""
        return name in BUILTIN_METHODS and name not in self.own

    def steady_method(self, name: str) -> bool:
        """Tells whether looking the method up again later gives the same and does nothing."""
        if self.quiet_method(name):
            return True
        return name in self.methods and name not in self.stored and not self.dynamic


def gather(trees: list[ast.Module]) -> Facts:
    """Returns the facts of all files of a program."""
    facts = Facts()
    properties: set[str] = set()
    managed: set[str] = set()  # by a descriptor, if the program has any
    for tree in trees:
        for node in ast.walk(tree):
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                    facts.own.add(name)
                    if name in ("__getattr__", "__getattribute__", "__set_name__", "__setattr__"):
                        facts.dynamic = True
                    if not isinstance(node, ast.ClassDef):
                        inside = (each for statement in node.body for each in ast.walk(statement))
                        facts.imports_inside |= any(isinstance(each, ast.Import | ast.ImportFrom) for each in inside)
                    if isinstance(node, ast.ClassDef):
                        _gather_class(node, facts)
                        _gather_special(node, facts.special, properties, managed)
                case ast.Attribute(attr=name, ctx=ast.Store() | ast.Del()):
                    facts.own.add(name)
                    facts.stored.add(name)
                case ast.Compare(ops=ops, comparators=comparators) if any(
                    isinstance(op, ast.Is | ast.IsNot) for op in ops
                ):
                    facts.identity |= not all(_is_single(each) for each in comparators)
                case ast.Name(id="id", ctx=ast.Load()):
                    facts.numbers = True
                case ast.Attribute(attr="__class__" | "__dict__"):
                    facts.dynamic = True
                case ast.Name(id="setattr" | "delattr" | "vars" | "globals" | "type"):
                    facts.dynamic = True
                case ast.keyword(arg=str(name)) | ast.Constant(value=str(name)):
                    facts.own.add(name)
    facts.computed = properties | (managed if facts.special & {"__get__", "__set__", "__delete__"} else set())
    return facts


def _is_single(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, bool | type(...)))


def _gather_class(node: ast.ClassDef, facts: Facts) -> None:
    defined = {statement.name for statement in node.body if isinstance(statement, ast.FunctionDef)}
    facts.bare_iterators |= "__next__" in defined and "__iter__" not in defined
    for statement in node.body:
        match statement:
            case ast.FunctionDef(name="__enter__" | "__exit__" as name):
                facts.methods[name] = facts.methods.get(name, 0) + 1
                facts.long_managers |= any(isinstance(inner, ast.Call | ast.While) for inner in ast.walk(statement))
            case ast.FunctionDef(name=name, decorator_list=[] | [ast.Name(id="classmethod" | "staticmethod")]):
                facts.methods[name] = facts.methods.get(name, 0) + 1
            case _:
                for inner in ast.walk(statement):
                    if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                        facts.own.add(inner.id)
                        facts.stored.add(inner.id)
                    elif isinstance(inner, ast.FunctionDef):
                        facts.stored.add(inner.name)


def _gather_special(node: ast.ClassDef, special: set[str], properties: set[str], managed: set[str]) -> None:
    for statement in node.body:
        match statement:
            case ast.FunctionDef(name=name, decorator_list=decorators):
                special |= _dunders({name})
                if any(_makes_property(decorator) for decorator in decorators):
                    properties.add(name)
                elif decorators:
                    managed.add(name)
            case ast.Assign(targets=targets, value=value):
                names = {target.id for target in targets if isinstance(target, ast.Name)}
                special |= _dunders(names)
                match value:
                    case ast.Call(func=ast.Name(id="property")):
                        properties |= names
                    case ast.Call():
                        managed |= names
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Call()):
                managed.add(name)


def _dunders(names: set[str]) -> set[str]:
    return {name for name in names if name.startswith("__") and name.endswith("__")}


def _makes_property(decorator: ast.expr) -> bool:
    match decorator:
        case ast.Name(id="property") | ast.Attribute(attr="setter" | "getter" | "deleter"):
            return True
    return False


def constants_of(tree: ast.Module) -> tuple[frozenset[str], dict[str, str], frozenset[str]]:
    """Returns of a module: the names bound exactly once, where imported names come from, all names bound.

    A name bound once at the module's own level, not in a loop, and never declared ``global`` by a function, stays what
    it is; so it may be looked up again.
    """
    counts: dict[str, int] = {}
    sources: dict[str, str] = {}

    def bind(name: str, times: int) -> None:
        counts[name] = counts.get(name, 0) + times

    def walk(statements: list[ast.stmt], times: int) -> None:
        for statement in statements:
            match statement:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                    bind(name, times)
                case ast.Import(names=names):
                    for alias in names:
                        bind(alias.asname or alias.name.partition(".")[0], times)
                        sources[alias.asname or alias.name.partition(".")[0]] = alias.name
                case ast.ImportFrom(names=names):
                    for alias in names:
                        bind(alias.asname or alias.name, times)
                        sources[alias.asname or alias.name] = f"{statement.module or ''}.{alias.name}"
                case ast.For() | ast.While():
                    for node in ast.walk(statement):
                        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                            bind(node.id, 2)
                        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                            bind(node.name, 2)
                case ast.If() | ast.Try() | ast.With() | ast.Match() | ast.TryStar():
                    for node in ast.walk(statement):
                        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                            bind(node.id, 2)
                        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                            bind(node.name, 2)
                        elif isinstance(node, ast.Import | ast.ImportFrom):
                            walk([node], 2)
                        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
                            bind(node.name, 2)
                        elif isinstance(node, ast.MatchMapping) and node.rest:
                            bind(node.rest, 2)
                case _:
                    for node in ast.walk(statement):
                        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                            bind(node.id, times)

    walk(tree.body, 1)
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            for name in node.names:
                bind(name, 2)
        elif isinstance(node, ast.Name) and node.id == "globals":
            return frozenset(), sources, frozenset(counts)
    return frozenset(name for name, count in counts.items() if count == 1), sources, frozenset(counts)
