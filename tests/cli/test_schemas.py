"""The schemas in docs/schemas are those of the structs."""

from __future__ import annotations

import json

import jsonschema
import pytest

from coordinator.cli import schemas
from coordinator.cli.documents import DOCUMENTS


def test_the_schemas_in_the_documentation_are_those_of_the_code() -> None:
    assert schemas.main(["--check"]) == 0


@pytest.mark.parametrize("name", DOCUMENTS)
def test_each_schema_is_one(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads((schemas.FOLDER / f"{name}.json").read_text()))
