"""The code that travels: a function's file and the modules beside it that it imports."""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path

import msgspec

from devices.errors import SourceError
from devices.protocol import limits


class Source(msgspec.Struct, frozen=True):
    """The files of a function.

    Attributes:
        module: the main module's name.
        files: text by relative path with ``/``; the main file is the one that the module is named after.
    """

    module: str
    files: dict[str, str]

    @property
    def main_file(self) -> str:
        """The main file's path."""
        return f"{self.module}.py"

    @property
    def digest(self) -> bytes:
        """SHA-256 over the main module's name and all files in the order of their paths; 32 bytes."""
        digest = hashlib.sha256()
        for part in (self.module, *(part for path in sorted(self.files) for part in (path, self.files[path]))):
            data = part.encode()
            digest.update(len(data).to_bytes(8, "big"))
            digest.update(data)
        return digest.digest()


def read_source(path: Path) -> Source:
    """Returns a function's file with the modules beside it that it imports, directly or through each other.

    Raises:
        SourceError: the file is missing, no ``.py``, not UTF-8, too large, or has a syntax error (file and line).
    """
    if path.is_dir():
        raise SourceError(f"{path} is a directory", remedy="name the function's file")
    if not path.is_file():
        raise SourceError(f"there is no file {path}")
    if path.suffix != ".py":
        raise SourceError(
            "it is no Python file", place=str(path), remedy="a function's file has a name that ends in .py"
        )
    files: dict[str, str] = {}
    size = 0
    waiting = [path.name]
    while waiting:
        relative = waiting.pop(0)
        if relative in files:
            continue
        text = _text(path.parent / relative)
        files[relative] = text
        size += len(text.encode())
        if size > limits.SOURCE or len(files) > limits.SOURCE_FILES:
            raise SourceError(
                f"it and the modules beside it that it imports are more than {limits.SOURCE // limits.KIB} KB, "
                f"or {limits.SOURCE_FILES} files",
                place=str(path),
                remedy="They travel in every checkpoint: keep data in files of its own, and large libraries installed.",
            )
        waiting += _siblings(path.parent, relative, text)
    for relative in list(files):
        for folder in Path(relative).parents:
            if folder != Path() and (path.parent / folder).is_dir():
                files.setdefault(f"{folder}/__init__.py", "")  # a folder is a package also without one (PEP 420)
    return Source(path.stem, files)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise SourceError("it is not UTF-8", place=f"{path}:{line}") from None
    except OSError as error:
        raise SourceError(f"it cannot be read: {error.strerror}", place=str(path)) from None


def _siblings(folder: Path, relative: str, text: str) -> list[str]:
    try:
        tree = ast.parse(text, relative)
    except SyntaxError as error:
        raise SourceError(f"syntax error: {error.msg}", place=f"{folder / relative}:{error.lineno or 1}") from None
    except ValueError as error:
        raise SourceError(str(error), place=f"{folder / relative}:1") from None
    except (RecursionError, MemoryError):  # the parser's own limits
        raise SourceError("it is nested too deep", place=f"{folder / relative}:1") from None
    package = relative.rpartition("/")[0]
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parts = package.split("/") if package else []
            base = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            names += [module, *(f"{module}.{alias.name}" if module else alias.name for alias in node.names)]
    found: list[str] = []
    for name in names:
        parts = name.split(".")
        for depth in range(1, len(parts) + 1):
            stem = "/".join(parts[:depth])
            found += [each for each in (f"{stem}.py", f"{stem}/__init__.py") if (folder / each).is_file()]
    return found
