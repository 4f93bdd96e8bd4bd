"""Reading the code that travels."""

from __future__ import annotations

from pathlib import Path

import pytest

from devices.errors import SourceError
from devices.protocol import limits
from devices.runtime.python.library import Library
from devices.runtime.python.program import Program
from devices.runtime.source import Source, read_source


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__slash__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".py").write_text(text, encoding="utf-8")


def test_modules_beside_the_file_travel_if_it_imports_them_directly_or_through_each_other(tmp_path: Path) -> None:
    write(
        tmp_path,
        washer="import rooms, json\nfrom tools import power\n",
        rooms="from names import NAMES\n",
        names="NAMES = []\n",
        unused="1 / 0\n",
        tools__slash____init__="",
        tools__slash__power="from . import units\n",
        tools__slash__units="W = 1\n",
    )
    source = read_source(tmp_path / "washer.py")
    assert source.module == "washer"
    assert source.main_file == "washer.py"
    assert set(source.files) == {
        "washer.py",
        "rooms.py",
        "names.py",
        "tools/__init__.py",
        "tools/power.py",
        "tools/units.py",
    }


def test_a_folder_without_an_init_file_is_a_package_as_in_plain_python(tmp_path: Path) -> None:
    write(tmp_path, washer="import tools.deep.power\n", tools__slash__deep__slash__power="W = 1\n")
    files = read_source(tmp_path / "washer.py").files
    assert files["tools/__init__.py"] == files["tools/deep/__init__.py"] == ""
    assert set(files) == {"washer.py", "tools/__init__.py", "tools/deep/__init__.py", "tools/deep/power.py"}


def test_the_digest_depends_on_every_name_and_text_and_not_on_the_order_of_files() -> None:
    one = Source("a", {"a.py": "x", "b.py": "y"})
    assert one.digest == Source("a", {"b.py": "y", "a.py": "x"}).digest
    others = [Source("b", one.files), Source("a", {"a.py": "xb.py", "": "y"}), Source("a", {"a.py": "x", "b.py": "z"})]
    assert len({each.digest for each in [one, *others]}) == 4
    assert len(one.digest) == 32


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no file .*gone\.py"):
        read_source(tmp_path / "gone.py")


def test_a_syntax_error_names_file_and_line(tmp_path: Path) -> None:
    write(tmp_path, broken="x = 1\ndef f(:\n")
    with pytest.raises(SourceError) as caught:
        read_source(tmp_path / "broken.py")
    assert str(caught.value.place).endswith("broken.py:2")


def test_bytes_that_are_not_utf_8_name_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "latin.py").write_bytes(b"x = 1\ny = '\xe9'\n")
    with pytest.raises(SourceError, match="UTF-8") as caught:
        read_source(tmp_path / "latin.py")
    assert str(caught.value.place).endswith("latin.py:2")


def test_files_too_large_to_travel_in_every_checkpoint_are_refused(tmp_path: Path) -> None:
    write(tmp_path, large=f"x = '{'a' * limits.SOURCE}'\n")
    with pytest.raises(SourceError, match="more than 512 KB"):
        read_source(tmp_path / "large.py")


@pytest.mark.parametrize("word", ["break", "continue", "return"])
def test_leaving_the_handler_of_a_group_is_refused_as_in_plain_python(word: str) -> None:
    inside = "for y in x:\n                if y:\n                    break\n                continue\n            "
    text = f"def f(x):\n    for each in x:\n        try:\n            x()\n        except* OSError:\n            {inside}{word}\n"
    with pytest.raises(SyntaxError, match="cannot appear in an except"):
        compile(text, "f.py", "exec")
    with pytest.raises(SourceError, match="cannot appear in an except\\* block") as refused:
        Program.load(Source("f", {"f.py": text}), library=Library())
    assert refused.value.place == "f.py:10"
