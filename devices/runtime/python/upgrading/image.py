"""A whole image onto changed source: its frames, its generators, the functions and classes that its values mention.

All or nothing: an image of which one part does not land stays with the code that it was taken of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from devices.errors import ProtocolError, SourceError
from devices.runtime.python.places import split
from devices.runtime.python.records import Record, require_made_for
from devices.runtime.python.upgrading.frames import Landing, Version
from devices.runtime.python.upgrading.places import Lost
from devices.runtime.python.upgrading.reach import Global, kinds_of, unknown_globals
from devices.runtime.python.upgrading.steps import text_of_parameters
from devices.runtime.python.values.nodes import Tag
from devices.runtime.python.values.wire import from_cbor, to_cbor
from devices.runtime.source import Source

_FRAME: Final = 9  # fields


@dataclass(frozen=True)
class Frame:
    """A frame and where it lands; ``reason`` says why it does not. Lines are the user's, ``statement`` is its text."""

    function: str
    file: str
    line: int
    statement: str
    new_line: int = 0
    reason: str = ""


@dataclass
class Upgrade:
    """What becomes of an image.

    Attributes:
        frames: outermost first; then the generators that wait somewhere.
        running: how many of them are on the stack.
        obstacles: what else does not land, in words.
        kept: globals that the program has changed: they keep their values, whatever the new source says of them.
        image: the new image; empty if something does not land.
    """

    frames: list[Frame] = field(default_factory=list)
    running: int = 0
    obstacles: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    image: bytes = b""

    @property
    def lands(self) -> bool:
        """Whether all of it does."""
        return not self.obstacles and not any(frame.reason for frame in self.frames)


def upgraded(data: bytes, old: Source, new: Source) -> Upgrade:
    """Returns what becomes of an image on other source.

    Args:
        data: the image.
        old: the source that it was taken of.
        new: the source that it shall go on with; its main module has the same name.

    Raises:
        SourceError: the new source has an error.
        ProtocolError: the image is none of the old source.
        NewerFormatError: of a normal form that this version does not have.
    """
    image = from_cbor(data)
    require_made_for(image, old)
    try:
        return _Upgrading(image, Version(old), Version(new)).done()
    except RecursionError:
        raise SourceError("its expressions are nested too deep", place=new.main_file) from None
    except (KeyError, IndexError, TypeError, ValueError, StopIteration) as error:
        raise ProtocolError("the image is not as the contract says") from error


class _Upgrading:
    def __init__(self, image: dict[str, Any], old: Version, new: Version) -> None:
        self._image = image
        self._old = old
        self._new = new
        self._landing = Landing(old, new)
        self._kinds = {name: kinds_of(tree) for name, tree in new.trees.items()}
        self._old_kinds = {name: kinds_of(tree) for name, tree in old.trees.items()}
        self._records: list[Record] = []
        self._landed: list[Record] = []
        self._done = Upgrade()

    def done(self) -> Upgrade:
        image, done = self._image, self._done
        roots = iter(image["roots"])
        frames, new_roots = [], []
        for frame in image["frames"]:
            values = [next(roots) for _ in frame[6]]
            cells = [next(roots) for _ in frame[7]]
            plain, values, cells = self._frame(frame[:-1], values, cells)
            frames.append([*plain, frame[-1]])
            new_roots += [*values, *cells, next(roots)]
        done.running = len(frames)
        around = [next(roots) for _ in range(bool(image["effect"]) + len(image["ambient"]))]
        state = [(str(module), str(name)) for module, name in image["state"]]
        values = [next(roots) for _ in state]
        if not frames or next(roots, self) is not self:
            raise ProtocolError("the image has other values than its frames and globals need")
        heap = [self._node(node) for node in image["heap"]]
        self._check_state(state)
        self._check_reach(state)
        if done.lands:
            done.image = to_cbor(
                {
                    **image,
                    "source": self._new.source.digest,
                    "frames": frames,
                    "modules": [name for name in image["modules"] if name in self._new.code.modules],
                    "gone": [list(place) for place in self._gone()],
                    "heap": heap,
                    "roots": [*new_roots, *around, *values],
                }
            )
        return done

    def _frame(self, plain: list[Any], values: list[Any], cells: list[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        record = Record.from_plain(plain)
        function, file, line, statement = self._place(record)
        try:
            landed = self._landing.frame(record)
        except Lost as lost:
            self._done.frames.append(Frame(function, file, line, statement, reason=lost.reason))
            return plain, values, cells
        self._records.append(record)
        self._landed.append(landed.record)
        self._done.frames.append(Frame(function, file, line, statement, landed.line))
        return landed.record.plain(), [values[i] for i in landed.values], [cells[i] for i in landed.cells]

    def _place(self, record: Record) -> tuple[str, str, int, str]:
        code = self._old.code.modules.get(record.module)
        function = code.function(record.function) if code is not None else None
        if code is None or function is None:
            raise ProtocolError("the image has a frame that is not its source's")
        step = function.steps.get(record.entry.number)
        line = step.line if step is not None else function.line
        lines = code.lines_of_text
        statement = lines[line - 1].strip() if 0 < line <= len(lines) else ""
        return function.qualname, code.shape.filename, line, statement

    # -- values ---------------------------------------------------------------------------------------------------

    def _node(self, node: list[Any]) -> list[Any]:
        """Returns a node of the heap for the new program; what does not land is noted."""
        try:
            match node:
                case [Tag.KNOWN, str(kind), plain, int(needs), *slots]:
                    return [Tag.KNOWN, kind, *self._known(kind, plain, slots[:needs], slots[needs:])]
                case ["named", str(name)] if ":" in name:
                    self._check_anchor(name)
        except Lost as lost:
            if lost.reason not in self._done.obstacles:
                self._done.obstacles.append(lost.reason)
        return node

    def _known(self, kind: str, plain: Any, needs: list[Any], children: list[Any]) -> list[Any]:
        match kind, plain:
            case "function", [str(module), int(number), list(names), *rest]:
                new = self._landing.maker(module, number, names)
                plain = [module, new.number, names, *rest]
            case "finished", [str(module), int(number), *rest]:
                plain = [module, self._landing.function(module, number)[1].number, *rest]
            case "generator", [fields, *rest]:
                record, children, needs = self._frame(fields, children, needs)
                plain = [record, *rest]
            case (("named" | "class"), [str(module), str(qualname)]):
                self._check_defined(kind, module, qualname)
            case "module", str(module):
                self._check_module(module)
        return [plain, len(needs), *needs, *children]

    def _check_module(self, module: str) -> None:
        if module not in self._new.code.modules:
            raise Lost(f"the module {module}, which a value leads to, is gone")

    def _check_defined(self, kind: str, module: str, qualname: str) -> None:
        self._check_module(module)
        shape = self._new.code.modules[module].shape
        first = qualname.partition(".")[0]
        found = self._kinds[module].get(first)
        what = "class" if kind == "class" else "function"
        became_a_value = found == "value" and self._old_kinds[module].get(first) != "value"
        if first not in shape.bound or became_a_value:
            raise Lost(f"the {what} {qualname}, which a value leads to, is gone")
        if kind == "class" and found == "function":
            raise Lost(f"{qualname}, which a value leads to, is no class any more")

    def _check_anchor(self, name: str) -> None:
        module, _, path = name.partition(":")
        if module in self._old.code.modules:
            self._check_module(module)
            self._check_bound(module, path)

    def _check_bound(self, module: str, path: str) -> None:
        first = _first(path)
        if first not in self._new.code.modules[module].shape.bound:
            raise Lost(f"{module}.{first}, which a value leads to, is gone")

    # -- globals --------------------------------------------------------------------------------------------------

    def _check_state(self, state: Sequence[Global]) -> None:
        for module, name in state:
            try:
                self._check_global(module, name)
            except Lost as lost:
                self._done.obstacles.append(lost.reason)
            else:
                if name not in self._old.code.modules[module].shape.sources:  # it was imported, as it will be
                    self._done.kept.append(f"{module}.{name}")

    def _check_global(self, module: str, name: str) -> None:
        self._check_module(module)
        path, key = split(name)
        if path:
            self._check_bound(module, path)
        if key.endswith(")"):
            self._check_parameters(module, path)
        first = _first(name)
        was, now = self._old_kinds[module].get(first), self._kinds[module].get(first)
        if was != now and now in ("function", "class"):
            raise Lost(f"{module}.{first}, which the program has changed, is a {now} in the new source")

    def _check_parameters(self, module: str, path: str) -> None:
        """A default that has changed is told by its number: it must be the same parameter's."""
        found = []
        for version in (self._old, self._new):
            functions = version.code.modules[module].shape.functions
            found.append([text_of_parameters(each) for each in functions if each.qualname == path])
        if found[0] != found[1] or len(found[0]) != 1:
            raise Lost(f"the parameters of {path}, whose defaults the program has changed, are others now")

    def _check_reach(self, state: Sequence[Global]) -> None:
        if any(frame.reason for frame in self._done.frames):
            return
        for module, name in unknown_globals(self._old, self._new, self._records, self._landed, state):
            self._done.obstacles.append(
                f"the new source goes on to use the global {module}.{name}, which the old one may have changed and did not "
                "use any more: the checkpoint has no value of it"
            )

    def _gone(self) -> list[Global]:
        """Returns what was deleted of what the new source's import makes."""
        kept = []
        for module, name in self._image["gone"]:
            code = self._new.code.modules.get(module)
            if code is not None and _first(name) in code.shape.bound:
                kept.append((module, name))
        return kept


def _first(path: str) -> str:
    for index, character in enumerate(path):
        if character in ".([":
            return path[:index]
    return path
