"""`midstream check`: what it prints, its JSON, its exit status."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from coordinator.cli import schemas
from coordinator.cli.main import call

GOOD = "from midstream import ctx, function\n\n@function\ndef washer():\n    ctx.sleep('1h')\n    return 1\n"
BAD = """import os
from midstream import ctx, function

@function
def washer():
\twith open("data.csv") as f:
\t\tctx.sleep("1h")
    # a comment
\treturn os.environ["HOME"]
""".replace("    #", "\t#")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.py").write_text(GOOD)
    (tmp_path / "bad.py").write_text(BAD)
    (tmp_path / "none.py").write_text("x = 1\n")
    (tmp_path / "broken.py").write_text("def main(:\n")
    (tmp_path / "text.md").write_text("# No *Python*\n")
    return tmp_path


def test_a_good_function_gets_one_line_and_status_0(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["check", "good.py"]) == 0
    said = capsys.readouterr()
    assert said.out == "washer: can be stopped at 2 places; nothing in it is bound to a hub\n"
    assert said.err == ""


def test_findings_come_by_severity_with_the_line_a_mark_and_the_remedy(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(["check", "bad.py"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Stops it from being moved"
    assert lines[1].startswith(
        "bad.py:6:7: cannot-travel: an open file is held in f while the function waits in line 7"
    )
    assert lines[2:4] == ['     6 | with open("data.csv") as f:', "       |      ^"]
    assert lines[4].startswith("       = ")
    assert lines[6] == "Moves badly, without a word"
    assert lines[7].startswith("bad.py:9:9: environment: ")
    assert lines[-1] == "washer: 1 error, 1 warning"


def test_warnings_alone_are_status_0(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bad.py").write_text(BAD.replace('ctx.sleep("1h")', "pass"))
    assert call(["check", "bad.py"]) == 0
    assert "1 warning" in capsys.readouterr().out


def test_the_json_is_as_the_schema_says(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["check", str(folder / "bad.py"), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    jsonschema.validate(found, json.loads((schemas.FOLDER / "check.json").read_text()))
    assert (found["errors"], found["warnings"], found["silenced"]) == (1, 1, 0)
    assert found["files"] == [str(folder / "bad.py")]
    first = found["findings"][0]
    assert (first["file"], first["line"], first["column"]) == (str(folder / "bad.py"), 6, 7)
    assert (first["kind"], first["severity"]) == ("cannot-travel", "error")


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["missing.py"], 2, "there is no file missing.py"),
        (["good.py", "--fast"], 2, "--fast"),
        (["none.py"], 4, "no function in it"),
        (["good.py:dryer"], 4, "no function 'dryer'"),
        (["broken.py"], 4, "broken.py:1: syntax error"),
        (["text.md"], 4, "text.md: it is no Python file"),
    ],
)
def test_a_mistake_is_one_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, words: str
) -> None:
    assert call(["check", *arguments]) == status
    said = capsys.readouterr()
    assert said.out == ""
    assert words in said.err
    assert "Traceback" not in said.err
    assert len(said.err.splitlines()) <= 2


def test_nothing_of_the_file_is_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "wild.py").write_text("raise SystemExit('it ran')\ndef main():\n    return 1\n")
    assert call(["check", "wild.py"]) == 0
