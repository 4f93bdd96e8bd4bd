"""The house stays as it is drawn: small files, honest imports, nothing unfinished, nothing of one machine."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = [p for folder in ("devices", "coordinator") for p in sorted((ROOT / folder).rglob("*.py"))]
SOURCES = [ROOT / "midstream.py", *PACKAGES]

IMPORT_EACH_ALONE = """
import importlib, os, sys, warnings
import aiomqtt, asyncio, cbor2, click, cryptography.hazmat.primitives.asymmetric.ed25519, msgspec, paho.mqtt.client
import psutil, rich.console, rich.live, rich.table, sqlalchemy.orm  # what others wrote is loaded once
failed = []
for name in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        warnings.simplefilter("error")
        try:
            importlib.import_module(name)
        except BaseException as error:
            print(f"{name}: {error!r}", flush=True)
            os._exit(1)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        failed.append(name)
sys.exit(bool(failed))
"""


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def loaded_by(statement: str) -> set[str]:
    script = f"import sys; {statement}; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.timeout(600)
def test_each_module_can_be_imported_alone_and_without_a_warning():
    names = [module_name(path) for path in PACKAGES if path.name not in ("__main__.py", "env.py")]
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_EACH_ALONE, *names], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("statement", "strangers"),
    [
        ("import devices.hub.agent", {"sqlalchemy", "alembic", "starlette", "rich", "click"}),
        ("import devices.runtime.worker", {"paho", "aiomqtt", "psutil", "asyncio", "cryptography", "sqlalchemy"}),
        ("import devices.runtime.spawner", {"paho", "aiomqtt", "psutil", "asyncio", "cryptography", "sqlalchemy"}),
        ("from midstream import function, ctx", {"paho", "aiomqtt", "psutil", "sqlalchemy", "rich", "click"}),
        ("import coordinator.cli.requests", {"sqlalchemy", "alembic"}),
        ("import coordinator.cli.main", {"sqlalchemy", "alembic", "paho", "aiomqtt", "iotcore"}),
    ],
)
def test_an_import_does_not_load_what_it_does_not_need(statement, strangers):
    assert not loaded_by(statement) & strangers


def test_no_file_is_longer_than_500_lines():
    files = [*SOURCES, *(ROOT / "tests").rglob("*.py")]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files}
    assert {name: length for name, length in lengths.items() if length > 500} == {}


def test_nothing_is_left_unfinished_or_swallowed():
    forbidden = re.compile(
        r"\b(TODO|FIXME|XXX)\b|raise NotImplementedError|except\s*:|^\s*(import|from) (pickle|marshal|shelve)\b",
        re.MULTILINE,
    )
    found = {str(path.relative_to(ROOT)): forbidden.findall(path.read_text()) for path in SOURCES}
    assert {name: hits for name, hits in found.items() if hits} == {}


def test_no_text_of_the_project_names_a_machine_or_a_package_host():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = listed.stdout.split() or [str(p.relative_to(ROOT)) for p in SOURCES]
    pattern = re.compile(r"/work/|\.\./shared|/root/|pypi\.org|pythonhosted|deb\.debian\.org|registry\.npmjs")
    texts = [ROOT / name for name in names if name.endswith((".py", ".md", ".toml", ".conf", ".cddl", "run"))]
    found = [str(path) for path in texts if path != Path(__file__) and pattern.search(path.read_text())]
    assert found == []


def test_nothing_in_the_house_imports_its_front_door():
    pattern = re.compile(r"^\s*(from midstream import|import midstream\b)", re.MULTILINE)
    assert [str(path) for path in PACKAGES if pattern.search(path.read_text())] == []


def test_the_types_of_the_front_door_are_those_that_it_opens():
    import midstream

    stub = (ROOT / "devices/runtime/midstream.pyi").read_text()
    assert sorted(re.findall(r" as (\w+)$", stub, re.MULTILINE)) == sorted(midstream.__all__)


def test_no_two_test_modules_share_a_name_so_that_all_can_run_together():
    names = [path.name for path in (ROOT / "tests").rglob("*.py") if path.name not in ("conftest.py", "__init__.py")]
    assert {name for name in names if names.count(name) > 1 and not name.startswith("_")} == set()


def test_no_test_imports_a_conftest_because_which_one_it_gets_depends_on_the_order():
    importing = re.compile(r"^\s*(from|import) conftest\b", re.MULTILINE)
    assert [str(p) for p in (ROOT / "tests").rglob("*.py") if importing.search(p.read_text())] == []
