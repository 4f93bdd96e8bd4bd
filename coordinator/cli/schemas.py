"""Writes `docs/schemas` from the typed structs: ``python -m coordinator.cli.schemas``; ``--check`` only compares."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import msgspec

from coordinator.cli.documents import DOCUMENTS

_COMMANDS: Final = {
    "status": "midstream",
    "hubs-if-lost": "midstream hubs HUB --if-lost",
    "devices-from-recording": "midstream devices --from-recording FILE",
    "rules-check": "midstream rules check",
    "rules-test": "midstream rules test",
    "ps-local": "midstream ps --local",
    "deploy": "midstream deploy push",
    "deploy-plan": "midstream deploy plan",
    "deploy-status": "midstream deploy status",
    "deploy-history": "midstream deploy history",
    "deploy-rollback": "midstream deploy rollback",
}
"""Those whose name is not the command's."""
FOLDER = Path(__file__).parents[2] / "docs" / "schemas"


def schema(name: str, kind: Any) -> bytes:
    """Returns a command's JSON Schema (draft 2020-12) as it stands in its file."""
    command = _COMMANDS.get(name, f"midstream {name.removesuffix('-line')}")
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{command}{' -f' if name.endswith('-line') else ''} --json",
        **msgspec.json.schema(kind),
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def main(arguments: list[str]) -> int:
    """Writes the schemas, or with ``--check`` names those that differ."""
    wanted = {FOLDER / f"{name}.json": schema(name, kind) for name, kind in DOCUMENTS.items()}
    if "--check" in arguments:
        stale = [path for path, text in wanted.items() if not path.exists() or path.read_bytes() != text]
        stale += [path for path in FOLDER.glob("*.json") if path not in wanted]
        for path in stale:
            sys.stderr.write(f"error: {path}: not as the structs say\n  run: python -m coordinator.cli.schemas\n")
        return 1 if stale else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in FOLDER.glob("*.json"):
        path.unlink()
    for path, text in wanted.items():
        path.write_bytes(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
