"""`midstream exercise`: what it prints, its JSON, its exit status."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest

from coordinator.cli import schemas
from coordinator.cli.main import call

GOOD = (
    "def main(n=3, *, word='x'):\n    total = 0\n    for i in range(n):\n        total += i\n    return word * total\n"
)
BAD = "def main():\n    box = 'box'\n    where = hash(box)\n    same = hash(box) == where\n    return same\n"


@pytest.fixture
def good(tmp_path: Path) -> str:
    path = tmp_path / "good.py"
    path.write_text(GOOD)
    return str(path)


@pytest.fixture
def bad(tmp_path: Path) -> str:
    path = tmp_path / "bad.py"
    path.write_text(BAD)
    return str(path)


def test_the_json_is_as_the_schema_says(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["exercise", good, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    jsonschema.validate(found, json.loads((schemas.FOLDER / "exercise.json").read_text()))
    keys = ["stops", "taken", "resumed_equal", "different", "passed_by", "bytes_median", "python", "raised"]
    assert list(found) == keys
    assert found["stops"] == found["taken"] == found["resumed_equal"] == 11
    assert found["different"] == []
    assert found["python"] == "{}.{}.{}".format(*sys.version_info[:3])


def test_a_difference_is_told_with_statement_line_expected_and_got(
    bad: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(["exercise", bad, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    (one,) = found["different"]
    assert set(one) == {"statement", "line", "expected", "got"}
    assert (one["statement"], one["line"]) == ("same = hash(box) == where", "bad.py:4")
    assert call(["exercise", bad]) == 1
    out = capsys.readouterr().out
    assert "different: bad.py:4 same = hash(box) == where" in out
    assert "  expected result: True" in out


def test_people_read_one_line_when_all_is_well(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["exercise", f"{good}:main", "--args", '{"n": 2, "word": "y"}', "--every", "2"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("main: 9 stops, 4 captures of ")
    assert "4 went on equal" in line


def test_a_chain_says_how_often_the_run_was_moved(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["exercise", good, "--chain", "4"]) == 0
    assert "moved 4 times in a row" in capsys.readouterr().out


def test_captures_go_on_in_new_interpreters(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["exercise", good, "--fresh", "--limit", "2"]) == 0
    assert "2 went on equal" in capsys.readouterr().out


@pytest.mark.parametrize(
    "more",
    [
        ["env", "X=1", sys.executable],
        [f"{sys.executable} -B"],
        [sys.executable, "-B", "-X", "utf8"],
        ["sh", "-c", f'exec {sys.executable} -B "$@"', "sh"],
        ["env", "--", sys.executable],
    ],
)
def test_captures_go_on_under_another_command_line(good: str, more: list[str]) -> None:
    assert call(["exercise", good, "--limit", "2", "--via", *more]) == 0


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["GOOD", "--args", "[1"], 2, "--args: it is no JSON"),
        (["GOOD", "--args", "1"], 2, "a JSON list or object"),
        (["GOOD", "--args", "[1, 2]"], 2, "too many positional arguments"),
        (["GOOD:other"], 2, "no function 'other'"),
        (["GOOD", "--via", "no-such-python"], 2, "no-such-python cannot be started"),
        (["GOOD", "--via", "true"], 2, "true does not run Midstream's engine"),
        (["GOOD", "more"], 2, "'more' belongs to nothing"),
        (["GOOD", "-c"], 2, "No such option"),
        (["--chian", "3", "GOOD"], 2, "--chian"),
        (["--via", "sh", "-c", "python3", "GOOD"], 2, "'-c' stands where FILE is expected"),
        (["GOOD", "--via", "sh", "-c", "exit 3"], 2, "sh -c exit 3 does not run Midstream's engine"),
        (["missing.py"], 2, "there is no file missing.py"),
        (["GOOD", "--every", "0"], 2, "--every"),
        (["RANDOM"], 4, "does not do the same twice"),
        (["HUB"], 4, "hub.py:3: main uses ctx, and there is no hub here"),
        (["ENDLESS", "--timeout", "1"], 4, "endless.py: main has not come to its end within 1 s"),
    ],
)
def test_a_mistake_is_one_sentence(
    good: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, words: str
) -> None:
    (tmp_path / "chance.py").write_text("import random\ndef main():\n    return random.random()\n")
    (tmp_path / "hub.py").write_text("from midstream import ctx\ndef main():\n    ctx.sleep('1s')\n")
    (tmp_path / "endless.py").write_text("def main():\n    while True:\n        pass\n")
    files = {"GOOD": good, "RANDOM": "chance.py", "HUB": "hub.py", "ENDLESS": "endless.py"}
    given = [str(tmp_path / files[each]) if each in files else each.replace("GOOD", good) for each in arguments]
    assert call(["exercise", *given]) == status
    said = capsys.readouterr()
    assert said.out == ""
    assert words in said.err
    assert "Traceback" not in said.err
    assert len(said.err.splitlines()) <= 2


def test_an_interrupt_from_the_keyboard_ends_an_exercise_without_a_traceback(tmp_path: Path) -> None:
    path = tmp_path / "endless.py"
    began = tmp_path / "began"
    path.write_text(f"def main():\n    open({str(began)!r}, 'w').close()\n    while True:\n        pass\n")
    command = [sys.executable, "-m", "coordinator.cli", "exercise", f"{path}:main"]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, process_group=0
    ) as running:
        deadline = time.monotonic() + 60
        while not began.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        os.killpg(running.pid, signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Traceback" not in out + err


def test_a_function_that_raises_is_told_to_have_raised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "divides.py"
    path.write_text("def main():\n    x = 0\n    return 1 / x\n")
    assert call(["exercise", str(path)]) == 0
    assert "the function raised ZeroDivisionError: division by zero (divides.py:3), in every run" in (
        capsys.readouterr().out
    )
    assert call(["exercise", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["raised"] == "ZeroDivisionError: division by zero (divides.py:3)"
    path.write_text("def main():\n    x = input()\n    return x\n")
    assert call(["exercise", str(path)]) == 0
    out = capsys.readouterr().out
    assert "raised EOFError: EOF when reading a line (divides.py:2), in every run" in out
    assert "standard input is empty here" in out


def test_what_differs_alike_is_told_once_with_a_count_and_what_to_do_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "environment.py"
    path.write_text(
        "import os\n"
        "def main():\n"
        "    os.environ['DIE'] = '0.3'\n"
        "    x = 1\n"
        "    y = 2\n"
        "    return float(os.environ.get('DIE', '0.9')), x, y\n"
    )
    assert call(["exercise", str(path), "--json"]) == 1
    different = json.loads(capsys.readouterr().out)["different"]
    assert len(different) > 2
    assert call(["exercise", str(path)]) == 1
    _, *told = capsys.readouterr().out.splitlines()
    assert told == [
        f"different: environment.py:4 x = 1 (and {len(different) - 1} more)",
        "  expected result[0]: 0.3",
        "  got      result[0]: 0.9",
        f"next: 'midstream check {path}' names what cannot travel, or moves badly",
    ]


def test_a_function_that_a_message_starts_is_exercised_with_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "lights.py"
    path.write_text(
        "from midstream import function\n\n\n@function(on='house/{room}/motion')\n"
        "def lights(message, level=2):\n"
        "    words = []\n    for _ in range(level):\n        words.append(message.params['room'] + message.text)\n"
        "    return words\n"
    )
    assert call(["exercise", str(path)]) == 2
    assert "lights is started by a message" in capsys.readouterr().err
    assert call(["exercise", str(path), "--message", "house/bath/motion=ON", "--args", "[3]", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["taken"] == found["resumed_equal"] > 3
    assert not found["raised"]
