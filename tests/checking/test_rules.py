"""Each rule of `check` finds what it is for, under whatever name, and leaves its harmless neighbours alone."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from devices.errors import RefusedError
from devices.runtime.checking.check import check
from devices.runtime.checking.findings import Checked
from devices.runtime.checking.rules.table import RULES
from devices.runtime.source import Source, read_source

ROOT = Path(__file__).parents[2]


def checked(text: str, function: str = "", **beside: str) -> Checked:
    files = {"program.py": textwrap.dedent(text)} | {f"{name}.py": textwrap.dedent(t) for name, t in beside.items()}
    return check(Source("program", files), function)


def inside(body: str) -> str:
    """A function with this body, and the usual imports."""
    head = "from midstream import function, ctx\n@function\ndef main(path=None, xs=(), n=1, code=''):\n"
    return head + textwrap.indent(textwrap.dedent(body), "    ")


ERRORS = [
    ("exec", "return eval(code)"),
    ("process", "import os\nos._exit(1)"),
    ("process", "import os\nos.execv(path, [path])"),
    ("callback", "def key(x):\n    ctx.sleep(1)\n    return x\nreturn sorted(xs, key=key)"),
    ("callback", "import functools\nreturn functools.reduce(lambda a, b: ctx.next(), xs)"),
    ("callback", "def steps():\n    ctx.sleep(1)\n    yield 1\nreturn sum(steps())"),
    ("callback", "def wait(x):\n    ctx.sleep(x)\n    return x\nreturn list(wait(x) for x in xs)"),
    ("callback", "def wait(x):\n    ctx.sleep(x)\ndef deep(x):\n    wait(x)\nxs.sort(key=deep)"),
    ("cannot-travel", "import socket\ns = socket.create_connection(path)\nctx.sleep(1)\ns.close()"),
    ("cannot-travel", "with open(path) as f:\n    ctx.next()"),
    ("cannot-travel", "import sqlite3 as db\nc = db.connect(path)\nfor m in ctx.subscribe('a'):\n    c.execute('x')"),
    ("cannot-travel", "s = ctx.subscribe('a')\nf = open(path)\nfor m in s:\n    pass\nf.close()"),
    ("cannot-travel", "n.file = open(path)"),
    ("cannot-travel", "global log\nlog = open(path)"),
    ("cannot-travel", "from pathlib import Path\nfor p in Path('x').rglob('*'):\n    ctx.sleep(1)"),
    ("cannot-travel", "from subprocess import Popen\np = Popen(xs)\nctx.sleep(1)\np.wait()"),
    ("cannot-travel", "import contextlib\nwith contextlib.closing(open(path)) as f:\n    ctx.sleep(1)"),
    ("thread", "import threading\nthreading.Thread(target=n).start()"),
    ("thread", "from multiprocessing import Process\nProcess(target=n).start()"),
]

WARNINGS = [
    ("async", "import asyncio\nasyncio.run(path)"),
    ("async", "from asyncio import run as go\ngo(path)"),
    ("frames", "import sys\nreturn sys._getframe(1).f_code"),
    ("frames", "import inspect\nreturn inspect.stack()[1].function"),
    ("stdin", "return input('?')"),
    ("stdin", "import sys\nreturn sys.stdin.readline()"),
    ("callback", "def key(x):\n    while x > 9:\n        x -= 1\n    return x\nreturn max(xs, key=key)"),
    ("cannot-travel", "with open(path) as f:\n    for line in f:\n        n += 1"),
    ("cannot-travel", "for line in enumerate(open(path)):\n    n += 1"),
    ("cannot-travel", "import re\nfor m in re.finditer(path, code):\n    n += 1"),
    ("cannot-travel", "import hashlib\nd = hashlib.sha256()\nfor x in xs:\n    d.update(x)\nreturn d.digest()"),
    ("monotonic", "from time import monotonic as m\nstart = m()\nreturn m() - start"),
    ("monotonic", "import time\ndeadline = time.perf_counter() + 5\nreturn deadline"),
    ("monotonic", "import time\nclock = time.monotonic\nstart = clock()\nreturn start"),
    ("monotonic", "import time\nxs.append(time.monotonic())"),
    ("naive-time", "from datetime import datetime\nreturn datetime.now()"),
    ("naive-time", "import datetime as dt\nreturn dt.datetime.utcnow()"),
    ("naive-time", "import datetime\nprint(datetime.date.today())"),
    ("naive-time", "import time\nreturn time.strftime('%H:%M')"),
    ("path", "return open('/home/pi/data.csv').read()"),
    ("path", "from pathlib import Path\nreturn Path('~/data.csv').read_text()"),
    ("path", "import os\nreturn os.listdir('/photos')"),
    ("path", "return f'/var/lib/{n}'"),
    ("environment", "import os\nreturn os.environ['HOME']"),
    ("environment", "from os import environ, getenv\nreturn getenv('HOME')"),
    ("host", "import socket\nname = socket.gethostname()\nreturn name"),
    ("host", "import os\nn.pid = os.getpid()"),
    ("beside", "from pathlib import Path\nreturn (Path(__file__).parent / 'data.csv').read_text()"),
    ("process-state", "import os\nos.chdir(path)"),
    ("process-state", "import os\nos.environ['TZ'] = 'UTC'"),
    ("identity", "number = hash(code) % 100\nreturn number"),
]

NOTHING = [
    "seen = {}\nseen[id(xs)] = xs",
    "for x in xs:\n    n += x\nreturn n",
    "with open(path) as f:\n    text = f.read()\nfor line in text.splitlines():\n    ctx.sleep(1)",
    "text = open(path).read()\nctx.sleep(1)\nreturn text",
    "f = open(path)\ntext = f.read()\nf.close()\nctx.sleep(1)\nreturn text",
    "for line in list(open(path)):\n    ctx.sleep(1)",
    "import time\nprint(time.monotonic())\nif time.monotonic() > 5:\n    pass",
    "import time\nstart = time.time()\ntime.sleep(1)\nreturn time.time() - start",
    "import time\nspan = time.monotonic() - n\nreturn span",
    "from datetime import datetime, UTC\nreturn datetime.now(UTC), datetime.now(tz=UTC), datetime.fromtimestamp(n, UTC)",
    "return ctx.now(), ctx.hub",
    "ctx.publish('/kitchen/light', 'ON')",
    "for m in ctx.subscribe('/tele/+/SENSOR'):\n    print(m)",
    "return '/' in code, code.split('/'), '//'",
    "return open('/dev/null')",
    "return id(xs) == id(code), hash(n) == hash(1)",
    "print('host', __import__('socket').gethostname())",
    "import socket\nprint(socket.gethostname())",
    "return sorted(xs, key=lambda x: -x), max(xs, key=len), sorted(xs, key=str.lower)",
    "def key(x):\n    for part in x:\n        return part\nreturn sorted(xs, key=key)",
    "def steps():\n    ctx.sleep(1)\n    yield 1\nfor step in steps():\n    n += step",
    "def open(x):\n    return x\nf = open(path)\nctx.sleep(1)\nreturn f",
    "time = n\nstart = time.monotonic()\nreturn start",
    "class eval:\n    pass\nreturn eval()",
    "import re\nreturn [m[0] for m in re.finditer(path, code)]",
    "import hashlib\nreturn hashlib.sha256(code).hexdigest()",
    "import threading\nt = threading.Thread(target=n)\nt.start()\nt.join()",
    "import locale\nreturn locale.setlocale(locale.LC_ALL, None)",
    "import subprocess\nreturn subprocess.run(xs, capture_output=True).stdout",
]


@pytest.mark.parametrize(("kind", "body"), ERRORS)
def test_what_stops_a_function_from_being_moved_is_an_error(kind: str, body: str) -> None:
    found = checked(inside(body))
    assert [(each.kind, each.severity) for each in found.findings] == [(kind, "error")], found.findings
    assert (found.errors, found.warnings) == (1, 0)
    (one,) = found.findings
    assert one.what
    assert one.remedy
    assert one.quote.strip() in inside(body)


@pytest.mark.parametrize(("kind", "body"), WARNINGS)
def test_what_moves_badly_without_a_word_is_a_warning(kind: str, body: str) -> None:
    found = checked(inside(body))
    assert [(each.kind, each.severity) for each in found.findings] == [(kind, "warning")], found.findings
    assert (found.errors, found.warnings) == (0, 1)


@pytest.mark.parametrize("body", NOTHING)
def test_what_travels_well_is_left_alone(body: str) -> None:
    assert checked(inside(body)).findings == []


@pytest.mark.parametrize(
    ("kind", "severity", "text"),
    [
        ("at-import", "error", "import time\ntime.sleep(1)"),
        ("at-import", "error", "from midstream import ctx\ndoor = ctx.subscribe('a')"),
        ("at-import", "error", "from midstream import ctx\ndef wait():\n    ctx.sleep(1)\nwait()"),
        ("at-import", "warning", "n = 5\nwhile n:\n    n -= 1"),
        ("at-import", "warning", "class Table:\n    n = 5\n    while n:\n        n -= 1"),
        ("made-anew", "warning", "import sqlite3\ndb = sqlite3.connect('x')"),
        ("made-anew", "warning", "import requests\nsession = requests.Session()"),
        ("asked-at-import", "warning", "import time\nSTART = time.time()"),
        ("asked-at-import", "warning", "from uuid import uuid4\nNAME = str(uuid4())"),
        ("callback", "warning", "import functools\n@functools.cache\ndef f(n):\n    while n:\n        n -= 1"),
        (
            "callback",
            "error",
            "import time\nclass A:\n    def __hash__(self):\n        time.sleep(1)\n        return 1",
        ),
    ],
)
def test_what_runs_at_import_or_is_called_by_c_is_found(kind: str, severity: str, text: str) -> None:
    found = checked(f"{text}\ndef main():\n    return 1\n")
    assert [(each.kind, each.severity) for each in found.findings] == [(kind, severity)], found.findings


@pytest.mark.parametrize(
    "text",
    [
        "if __name__ == '__main__':\n    import time\n    time.sleep(1)\n    print(input())",
        "import typing\nif typing.TYPE_CHECKING:\n    import socket\n    s = socket.socket()",
        "import re, logging, threading, collections\nlog = logging.getLogger(__name__)\nP = re.compile('x')\nL = threading.Lock()",
        "for i in range(3):\n    globals()[f'x{i}'] = i",
        'DOC = """\n/home/pi is an example\n"""',
        "def other(path='/home/pi/data.csv', zone='Europe/Berlin'):\n    return path",
    ],
)
def test_what_import_may_do_is_left_alone(text: str) -> None:
    assert checked(f"{text}\ndef main():\n    return 1\n").findings == []


def test_an_async_function_that_is_to_run_is_an_error() -> None:
    found = checked("async def main():\n    return 1\n")
    assert found.errors == 1
    assert found.findings[0].line == 1
    assert "async" in found.findings[0].what


def test_async_functions_beside_the_one_that_is_to_run_are_left_alone() -> None:
    text = "async def blink():\n    return 1\ndef main():\n    return 1\n"
    assert checked(text).findings == []
    assert checked(text, "blink").errors == 1


def test_names_are_followed_through_the_modules_beside_the_function() -> None:
    found = checked(
        """
        import tools
        from tools import tick, connect
        from midstream import ctx
        def main():
            start = tick()
            again = tools.clock()
            c = connect()
            ctx.sleep(1)
            return c, start, again
        """,
        tools="""
        import sqlite3
        from time import monotonic as tick
        clock = tick
        def connect():
            return sqlite3.connect("x")
        """,
    )
    assert [(each.kind, each.line) for each in found.findings] == [
        ("cannot-travel", 8),
        ("monotonic", 6),
        ("monotonic", 7),
    ]


def test_findings_of_all_files_are_told_and_each_names_its_file() -> None:
    found = checked(
        "import tools\ndef main():\n    return tools.home()\n",
        tools="import os\ndef home():\n    return os.environ['HOME']\n",
    )
    assert [(each.file, each.line, each.column) for each in found.findings] == [("tools.py", 3, 12)]
    assert found.files == ["program.py", "tools.py"]


def test_a_module_beside_the_function_by_a_known_name_is_not_the_known_one() -> None:
    files = {"program.py": "import socket\nfrom midstream import ctx\ndef main():\n    s = socket.socket()\n    ctx.sleep(1)\n    return s\n"}  # fmt: skip
    assert check(Source("program", files)).errors == 1
    assert check(Source("program", files | {"socket.py": "def socket():\n    return 1\n"})).errors == 0


def test_a_comment_silences_its_line_and_may_name_the_kinds() -> None:
    found = checked(
        inside("""
        import os
        a = os.environ["A"]  # midstream: ok
        b = os.environ["B"]  # midstream: ok[environment, path]
        c = os.environ["C"]  # midstream: ok[path]
        text = "# midstream: ok"; d = os.environ["D"]
        e = dict(
            os.environ,  # midstream: ok
        )
        """)
    )
    assert [each.line for each in found.findings] == [8, 9]
    assert found.silenced == 3


def test_a_comment_that_names_no_kind_is_told() -> None:
    (one,) = checked(inside("n = 1  # midstream: ok[paht]")).findings
    assert (one.kind, one.severity) == ("comment", "warning")
    assert "paht" in one.what


def test_what_midstream_itself_refuses_is_an_error_with_its_own_words() -> None:
    found = checked("from midstream import function\n@function(checkpoint='soon')\ndef main():\n    return 1\n")
    assert [(each.kind, each.severity, each.line) for each in found.findings] == [("declaration", "error", 2)]
    found = checked("def main():\n    nonlocal x\n    return 1\n")
    assert [(each.kind, each.severity, each.line) for each in found.findings] == [("refused", "error", 2)]


def test_eval_is_an_error_only_in_the_function_that_is_to_run() -> None:
    text = "def helper(code):\n    return eval(code)\ndef main():\n    return helper('1')\n"
    assert [each.severity for each in checked(text, "main").findings] == ["warning"]
    assert [each.severity for each in checked(text, "helper").findings] == ["error"]


def test_a_file_without_such_a_function_is_refused() -> None:
    with pytest.raises(RefusedError, match="no function in it"):
        checked("x = 1\n")
    with pytest.raises(RefusedError, match="no function 'other'"):
        checked("def main():\n    return 1\n", "other")


def test_it_says_which_functions_there_are_and_how_many_places_to_stop() -> None:
    found = checked(
        "from midstream import function\n@function\ndef a():\n    x = 1\n    return x\ndef b():\n    return 1\n"
    )
    assert [(each.name, each.line) for each in found.functions] == [("a", 3)]
    assert 0 < found.functions[0].places < found.places


@pytest.mark.parametrize(
    "path", [*(ROOT / "tests/corpus").glob("*.py"), *(ROOT / "examples").glob("*.py")], ids=lambda p: p.name
)
def test_nothing_is_found_in_the_functions_that_are_known_to_move(path: Path) -> None:
    found = check(read_source(path))
    assert found.errors == 0, found.findings
    assert path.parent.name != "examples" or found.findings == []


def test_each_rule_is_tried_here() -> None:
    text = Path(__file__).read_text()
    assert [rule.kind for rule in RULES if f'("{rule.kind}"' not in text] == []
