"""Classes, functions and modules that are found by name, not carried.

What a name in a blob may lead to is narrow: a class, function or module in a module that the program itself imports
(`Knows.modules`) or that stands in a short list of harmless standard ones. It is looked up in the modules' own
dictionaries, so that no ``__getattr__`` runs, and it is never called by the decoder. What would start a program, open a
file or run text is refused by name even where the program imports its module. Classes of exceptions and enums of any
loaded standard module are free: a function may well be stopped while it handles a `subprocess.CalledProcessError`.
"""

from __future__ import annotations

import enum
import functools
import importlib
import sys
import types
from collections.abc import Collection
from typing import Any, Final

from devices.errors import CannotTravelError, ProtocolError
from devices.runtime.python import twins
from devices.runtime.python.values.contract import Node
from devices.runtime.python.values.nodes import Tag
from devices.runtime.python.values.reading import Kind, Reader
from devices.runtime.python.values.writing import Write, Writer

_HARMLESS: Final = frozenset(
    [
        "abc",
        "argparse",
        "array",
        "ast",
        "base64",
        "binascii",
        "bisect",
        "builtins",
        "calendar",
        "cmath",
        "collections",
        "collections.abc",
        "colorsys",
        "configparser",
        "contextlib",
        "copy",
        "csv",
        "dataclasses",
        "datetime",
        "decimal",
        "difflib",
        "email",
        "enum",
        "fnmatch",
        "fractions",
        "functools",
        "graphlib",
        "hashlib",
        "heapq",
        "hmac",
        "html",
        "io",
        "ipaddress",
        "itertools",
        "json",
        "json.decoder",
        "json.encoder",
        "keyword",
        "locale",
        "logging",
        "math",
        "numbers",
        "operator",
        "pathlib",
        "posixpath",
        "pprint",
        "random",
        "re",
        "secrets",
        "shlex",
        "statistics",
        "string",
        "struct",
        "textwrap",
        "time",
        "tomllib",
        "types",
        "typing",
        "unicodedata",
        "urllib.parse",
        "uuid",
        "warnings",
        "weakref",
        "xml.etree.ElementTree",
        "zlib",
        "zoneinfo",
    ]
)
"""Standard modules that may be referred to (and are imported for it) though the program does not import them."""
_PUBLIC: Final = {
    "_bisect": "bisect", "_csv": "csv", "_lzma": "lzma", "_queue": "queue", "_socket": "socket", "_collections": "collections", "_datetime": "datetime", "_decimal": "decimal",
    "_functools": "functools", "_heapq": "heapq", "_io": "io", "_json": "json.decoder", "_operator": "operator",
    "_random": "random", "_statistics": "statistics", "_struct": "struct", "_weakref": "weakref",
    "pathlib._local": "pathlib", "pathlib._abc": "pathlib", "collections._collections_abc": "collections.abc",
    "_collections_abc": "collections.abc", "_pydecimal": "decimal", "_pydatetime": "datetime",
}  # fmt: skip
"""Where other versions and implementations of Python have the same things."""
_NEVER: Final = frozenset(
    {
        ("builtins", name)
        for name in ["__import__", "breakpoint", "compile", "eval", "exec", "exit", "input", "open", "quit"]
    }
    | {("io", name) for name in ["open", "open_code", "FileIO"]}
)
_NEVER_MODULES: Final = frozenset(
    [
        "_ctypes",
        "_posixsubprocess",
        "asyncio",
        "code",
        "codeop",
        "concurrent",
        "ctypes",
        "fcntl",
        "gc",
        "importlib",
        "inspect",
        "marshal",
        "mmap",
        "multiprocessing",
        "nt",
        "os",
        "pickle",
        "posix",
        "pty",
        "runpy",
        "shelve",
        "shutil",
        "signal",
        "socket",
        "subprocess",
        "sys",
        "tempfile",
        "threading",
    ]
)
"""Modules of which no function or class is found by name: what they give belongs to the process, or runs things."""
_SHOWN: Final = 60
_DEEPEST: Final = 8  # classes within classes
_FOUND: Final = (
    type,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    type(functools.lru_cache(len)),
)
_UNNAMED: Final = {
    kind: name for name, kind in vars(types).items() if isinstance(kind, type) and kind.__module__ == "builtins"
}
"""Types that Python names after a place where they are not: ``function``, ``generator`` in ``builtins``."""


def may_name(module: str, modules: Collection[str]) -> bool:
    """Tells whether a blob may refer to things in this module; ``modules`` are those of the program."""
    package = module.partition(".")[0]
    if package == "devices":
        return False  # the runtime's own parts travel by `Registered` alone
    return module in _HARMLESS or package in {name.partition(".")[0] for name in modules}


def find(module: str, qualname: str, modules: Collection[str]) -> Any:
    """Returns what a name leads to, by dictionaries alone.

    Raises:
        ProtocolError: not a name that may be used, or it leads nowhere.
    """
    names = qualname.split(".")
    package = module.partition(".")[0]
    free = may_name(module, modules) and package not in _NEVER_MODULES
    if (module, names[0]) in _NEVER or len(names) > _DEEPEST or not (free or package in sys.stdlib_module_names):
        raise ProtocolError(f"the image refers to {module[:_SHOWN]}.{qualname[:_SHOWN]}, which it may not")
    holder = _module(module)
    found = vars(holder).get(names[0]) if isinstance(holder, types.ModuleType) else None
    for name in names[1:]:
        found = _member(found, name)
    if not isinstance(found, _FOUND):
        raise ProtocolError(f"{module[:_SHOWN]}.{qualname[:_SHOWN]} is no class or function here")
    if not _is_inert(found) and (not free or _name_of(found)[0].partition(".")[0] in _NEVER_MODULES):
        raise ProtocolError(f"the image refers to {module[:_SHOWN]}.{qualname[:_SHOWN]}, which it may not")
    return found


def _module(name: str) -> types.ModuleType | None:
    """Returns the module that the program has under this name; ``None``: it is not loaded, and not one to be loaded."""
    if name in twins.STAND_INS:
        return twins.STAND_INS[name]
    return importlib.import_module(name) if name in _HARMLESS else sys.modules.get(name)


def _is_inert(found: Any) -> bool:
    """Tells whether it is an exception's class or an enum: these are met everywhere, and do nothing when used."""
    return isinstance(found, type) and issubclass(found, BaseException | enum.Enum)


def _member(holder: object, name: str) -> Any:
    """Returns a class's member, or what its bases give, a static method unwrapped; without running code."""
    if isinstance(holder, type):
        for kind in type.mro(holder):
            if name in vars(kind):
                member = vars(kind)[name]
                return member.__func__ if isinstance(member, staticmethod) else member
    return None


def write_reference(writer: Writer, value: Any) -> Node:
    """Returns the node of a class or function that is not the program's own.

    Raises:
        CannotTravelError: it cannot be found by its name, or may not be.
    """
    module, qualname = _name_of(value)
    what = f"{'class' if isinstance(value, type) else 'function'} {module}.{qualname}"
    if "<" in qualname:
        raise CannotTravelError(
            f"the {what} was made inside a function of another module and cannot be found by its name",
            remedy="keep what it was made from, and make it again when it is needed",
        )
    try:
        found = find(module, qualname, writer.modules)
    except ProtocolError:
        raise CannotTravelError(
            f"the {what} cannot travel by its name",
            remedy=f"import {module} at the top of the function's file, or use it by its name, not by a variable",
        ) from None
    if found is not value:
        raise CannotTravelError(f"the {what} is not what is found under this name")
    return [Tag.REFERENCE, module, qualname]


def _name_of(value: Any) -> tuple[str, str]:
    if isinstance(value, type) and value in _UNNAMED:
        return "types", _UNNAMED[value]
    lookup = type.__getattribute__ if isinstance(value, type) else object.__getattribute__
    try:
        module, qualname = lookup(value, "__module__"), lookup(value, "__qualname__")
    except AttributeError:  # `str.upper` knows its class, not its module
        module, qualname = value.__objclass__.__module__, value.__qualname__
    module = _PUBLIC.get(module, module) if isinstance(module, str) else "builtins"
    return module, str(qualname)


def _make_reference(reader: Reader, node: Node) -> Any:
    _, module, qualname = node
    if type(module) is not str or type(qualname) is not str:
        raise ProtocolError("a reference by something else than names")
    return find(module, qualname, reader.modules)


def write_module(writer: Writer, value: types.ModuleType) -> Node:
    """Returns the node of a module that the engine does not describe."""
    name = value.__name__
    if (twins.STAND_INS.get(name) or sys.modules.get(name)) is not value or not may_name(name, writer.modules):
        raise CannotTravelError(
            f"the module {name} cannot travel", remedy=f"import {name} at the top of the function's file"
        )
    return ["module", name]


def _make_module(reader: Reader, node: Node) -> types.ModuleType:
    _, name = node
    if type(name) is not str or not may_name(name, reader.modules):
        raise ProtocolError("the image refers to a module, which it may not")
    found = _module(name)
    if found is None:
        raise ProtocolError(f"the module {name[:_SHOWN]} is not loaded here")
    return found


def name_of_single(value: Any, modules: Collection[str]) -> tuple[str, str] | None:
    """Returns module and name of an object that says nothing but that it is this one: `dataclasses.MISSING`."""
    module = str(type(value).__module__)
    if not _says_nothing(value) or not may_name(module, modules):
        return None
    names = vars(sys.modules[module]) if module in sys.modules else {}
    return next(((module, name) for name, each in list(names.items()) if each is value), None)


def _says_nothing(value: Any) -> bool:
    kind = type(value)
    return (
        kind.__basicsize__ <= object.__basicsize__ + 16 and not getattr(value, "__dict__", None) and kind is not object
    )


def make_single(reader: Reader, node: Node) -> Any:
    """Returns the object that `name_of_single` has named."""
    _, module, name = node
    if type(module) is not str or type(name) is not str or not may_name(module, reader.modules):
        raise ProtocolError("the image names an object that it may not")
    holder = _module(module)
    found = vars(holder).get(name) if holder else None
    if type(found).__module__ != module or not _says_nothing(found):
        raise ProtocolError(f"{module[:_SHOWN]}.{name[:_SHOWN]} is no such object here")
    return found


WRITERS: Final[dict[type, Write]] = {
    types.MethodDescriptorType: write_reference,
    types.WrapperDescriptorType: write_reference,
}

KINDS: Final[dict[int | str, Kind]] = {
    Tag.REFERENCE: Kind(_make_reference, slots=lambda _: (), first=True),
    "module": Kind(_make_module, slots=lambda _: ()),
    "single": Kind(make_single, slots=lambda _: ()),
}
