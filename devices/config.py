"""Settings of a part: a TOML file, the environment, the command line, in that order of growing weight.

The shape of the settings is a `msgspec.Struct`; nested structs are the file's tables. The environment names a setting
by its place: ``MIDSTREAM_HUB_SPOOL_PATH`` is ``path`` in ``[spool]``. A name that nobody knows is an error with the
nearest valid one: a setting that is silently ignored is found out at three in the morning.

Python's TOML reader tells no lines, and a reader that does is a dependency of its own on every hub; so the line of an
unknown key is looked up in the text, which is exact for every way in which people write these files.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar, get_origin

import msgspec

from devices.errors import ConfigurationError

S = TypeVar("S", bound=msgspec.Struct)

_TABLE: Final = re.compile(r"^\s*\[\s*([^\[\]]+?)\s*\]")
_KEY: Final = re.compile(
    r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_LONGEST: Final = 1024 * 1024  # bytes of a configuration file


def load(
    path: Path | None,
    kind: type[S],
    *,
    prefix: str,
    environment: Mapping[str, str],
    overrides: Mapping[str, Any],
    aliases: Mapping[str, str] | None = None,
) -> S:
    """Returns the settings of one part.

    Args:
        path: the TOML file; ``None`` for none.
        kind: the struct; every field needs a default or must come from somewhere.
        prefix: of the environment's names, as ``"MIDSTREAM_HUB_"``.
        environment: as `os.environ`; lists are written with commas.
        overrides: by dotted name (``"broker.url"``), from the command line; ``None`` means not given.
        aliases: further names in the environment and the setting that each means; they weigh less than its own name.

    Raises:
        ConfigurationError: the file is not there, not TOML, or anything in it, in the environment or on the command
            line is not a setting or has a value of another kind; with the file and line, and the nearest valid name.
    """
    text = "" if path is None else _text(path)
    found = _parse(text, path)
    _refuse_unknown(found, kind, text, path)
    settings = dict(_leaves(kind))
    for name, value in _from_environment(settings, prefix, environment, aliases or {}):
        is_list = get_origin(settings[name]) is list
        _put(found, name, [item.strip() for item in value.split(",") if item.strip()] if is_list else value)
    for name, value in overrides.items():
        if value is not None:
            _put(found, name, value)
    try:
        # Not strict: the environment knows only texts; `"5"` for a number is what a person means there.
        return msgspec.convert(found, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _wrong_value(error, text, path) from error


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
        if len(data) > _LONGEST:
            raise ConfigurationError(f"{len(data)} bytes are no configuration", place=str(path))
        return data.decode()
    except OSError as error:
        raise ConfigurationError(f"the configuration cannot be read: {error.strerror}", place=str(path)) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError("the configuration is not UTF-8 text", place=str(path)) from error


def _parse(text: str, path: Path | None) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # beside TOML's own: a number or a nesting beyond Python's limits
        line = re.search(r"line (\d+)", str(error))
        place = f"{path}:{line[1]}" if line else str(path)
        raise ConfigurationError(f"this is not TOML: {error}", place=place) from error


def _leaves(kind: type[msgspec.Struct]) -> Iterator[tuple[str, Any]]:
    """Yields each setting's dotted name and type."""
    for field in msgspec.structs.fields(kind):
        nested = _struct_of(field.type)
        if nested is None:
            yield field.encode_name, field.type
        else:
            yield from ((f"{field.encode_name}.{name}", leaf) for name, leaf in _leaves(nested))


def _struct_of(annotation: Any) -> type[msgspec.Struct] | None:
    return annotation if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct) else None


def _refuse_unknown(
    found: Mapping[str, Any], kind: type[msgspec.Struct], text: str, path: Path | None, table: tuple[str, ...] = ()
) -> None:
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
    for key, value in found.items():
        full = (*table, key)
        if key not in fields:
            what = "table" if isinstance(value, dict) else "setting"
            where = f" in [{'.'.join(table)}]" if table else ""
            raise ConfigurationError(
                f"there is no {what} {key!r}{where}",
                place=_place(full, text, path),
                remedy=nearest(key, list(fields)),
            )
        nested = _struct_of(fields[key])
        if nested is not None and isinstance(value, dict):
            _refuse_unknown(value, nested, text, path, full)


def nearest(name: str, valid: list[str]) -> str:
    """Returns what to say of a name that nobody knows: the nearest that there is, or all of them."""
    near = difflib.get_close_matches(name, valid, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(sorted(valid))}"


def _place(key: tuple[str, ...], text: str, path: Path | None) -> str:
    line = line_of(key, text)
    return str(path) if line is None else f"{path}:{line}"


def line_of(key: tuple[str, ...], text: str) -> int | None:
    """Returns the line, from 1, at which a TOML text names a key or its table; ``None`` if it does so nowhere.

    Args:
        key: the names from the outermost table inwards.
        text: well-formed TOML.
    """
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if opened := _TABLE.match(line):
            table = _split(opened[1])
            if table[: len(key)] == key:
                return number
        elif (assigned := _KEY.match(line)) and (*table, *_split(assigned[1]))[: len(key)] == key:
            return number
    return line_of(key[:-1], text) if len(key) > 1 else None  # inside an inline table: its line


def _split(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def _from_environment(
    settings: Mapping[str, Any], prefix: str, environment: Mapping[str, str], aliases: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    known = {prefix + name.replace(".", "_").upper(): name for name in settings}
    for variable, name in aliases.items():
        if variable in environment:
            yield name, environment[variable]
    for variable, value in environment.items():
        if variable in known:
            yield known[variable], value
        elif variable.startswith(prefix):
            raise ConfigurationError(
                f"there is no setting {variable}", place="environment", remedy=nearest(variable, list(known))
            )


def _put(found: dict[str, Any], name: str, value: Any) -> None:
    *tables, key = name.split(".")
    for table in tables:
        found = found.setdefault(table, {})
    found[key] = value


def _wrong_value(error: msgspec.ValidationError, text: str, path: Path | None) -> ConfigurationError:
    message, _, where = str(error).partition(" - at `$.")
    key = tuple(re.sub(r"\[.*?\]", "", where.rstrip("`")).split(".")) if where else ()
    said = f"{'.'.join(key)}: {message}" if key else message
    in_file = bool(key) and path is not None and line_of(key, text) is not None
    return ConfigurationError(said, place=_place(key, text, path) if in_file else None)
