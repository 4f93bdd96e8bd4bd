"""Values that cannot travel: how long a function holds them, and whether it waits or loops in that time."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final, NamedTuple

from devices.runtime.checking.code import Code
from devices.runtime.checking.findings import Found, Rule
from devices.runtime.checking.program import CheckedProgram, Definition
from devices.runtime.checking.use import held
from devices.runtime.python.values import refusals

_MAKERS: Final[dict[str, str]] = {
    **dict.fromkeys(
        (
            "builtins.open", "io.open", "io.FileIO", "os.fdopen", "codecs.open", "gzip.open", "gzip.GzipFile", "bz2.open",
            "bz2.BZ2File", "lzma.open", "lzma.LZMAFile", "zipfile.ZipFile", "tarfile.open",
        ),
        "_io",
    ),
    **dict.fromkeys(
        (
            "tempfile.NamedTemporaryFile", "tempfile.TemporaryFile", "tempfile.TemporaryDirectory",
            "tempfile.SpooledTemporaryFile",
        ),
        "tempfile",
    ),
    **dict.fromkeys(("socket.socket", "socket.create_connection", "socket.create_server", "socket.fromfd"), "socket"),
    **dict.fromkeys(
        ("http.client.HTTPConnection", "http.client.HTTPSConnection", "urllib.request.urlopen"), "http.client"
    ),
    **dict.fromkeys(("sqlite3.connect", "sqlite3.Connection"), "sqlite3"),
    **dict.fromkeys(("psycopg.connect", "psycopg2.connect", "pymysql.connect", "MySQLdb.connect"), "psycopg"),
    "sqlalchemy.create_engine": "sqlalchemy",
    "serial.Serial": "serial",
    **dict.fromkeys(("requests.Session", "requests.session"), "requests"),
    **dict.fromkeys(("httpx.Client", "httpx.AsyncClient", "aiohttp.ClientSession"), "httpx"),
    "paho.mqtt.client.Client": "paho",
    "subprocess.Popen": "subprocess",
    **dict.fromkeys(("threading.Thread", "threading.Timer", "_thread.start_new_thread"), "threading"),
    **dict.fromkeys(
        ("multiprocessing.Process", "multiprocessing.Pool", "multiprocessing.Manager", "multiprocessing.Pipe"),
        "multiprocessing",
    ),
    **dict.fromkeys(("concurrent.futures.ThreadPoolExecutor", "concurrent.futures.ProcessPoolExecutor"), "concurrent"),
    **dict.fromkeys(("asyncio.new_event_loop", "asyncio.get_event_loop", "asyncio.Runner"), "asyncio"),
    **dict.fromkeys(("select.epoll", "select.poll", "select.kqueue"), "select"),
    **dict.fromkeys(("selectors.DefaultSelector", "selectors.EpollSelector"), "selectors"),
    "mmap.mmap": "mmap",
    **dict.fromkeys(("ctypes.CDLL", "ctypes.cdll.LoadLibrary", "ctypes.PyDLL"), "ctypes"),
    **dict.fromkeys(
        (f"hashlib.{name}" for name in ("new", "md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256")),
        "_hashlib",
    ),
    **dict.fromkeys(("hashlib.blake2b", "hashlib.blake2s"), "_blake2"),
    "hmac.new": "_hmac",
    **dict.fromkeys(("csv.reader", "csv.writer", "csv.DictReader", "csv.DictWriter"), "_csv"),
    **dict.fromkeys(("zlib.compressobj", "zlib.decompressobj"), "zlib"),
    **dict.fromkeys(("bz2.BZ2Compressor", "bz2.BZ2Decompressor"), "_bz2"),
    **dict.fromkeys(("lzma.LZMACompressor", "lzma.LZMADecompressor"), "_lzma"),
    **dict.fromkeys(("weakref.WeakValueDictionary", "weakref.WeakKeyDictionary", "weakref.WeakSet"), "weakref"),
    "re.finditer": "_sre",
}  # fmt: skip
"""What makes a value that cannot travel, and the module of the value's type: `refusals` knows the words for it."""

_GENERATORS: Final = frozenset(
    {
        "os.walk", "os.fwalk", "os.scandir", "glob.iglob", "heapq.merge", "ast.walk", "ast.iter_child_nodes",
        "difflib.unified_diff", "difflib.context_diff", "difflib.ndiff", "tokenize.generate_tokens", "tokenize.tokenize",
        "json.JSONEncoder.iterencode", "struct.iter_unpack", "inspect.walktree",
    }
)  # fmt: skip
_GENERATOR_METHODS: Final = frozenset({"iterdir", "rglob", "iterencode"})
_GENERATOR: Final = ("an iterator of another module", "go over list(...) of it")
_WITH_ANOTHER_END: Final = frozenset(
    {
        "_io",
        "socket",
        "http.client",
        "sqlite3",
        "psycopg",
        "serial",
        "requests",
        "httpx",
        "paho",
        "subprocess",
        "threading",
    }
)
"""What is bound to something outside of the process; of the others a new one is as good as the old."""
_THREADS: Final = ("threading.Thread", "threading.Timer", "_thread.start_new_thread", "multiprocessing.Process")
_PER_HUB: Final = "midstream.per_hub"


class _Made(NamedTuple):
    what: str
    remedy: str


def _made(program: CheckedProgram, code: Code, call: ast.Call, name: str) -> _Made | None:
    """Returns what a call makes that cannot travel."""
    method = call.func.attr if isinstance(call.func, ast.Attribute) and not name else ""
    if method in _GENERATOR_METHODS or (name in _GENERATORS and not program.is_own(name)):
        return _Made(*_GENERATOR)
    module = "_sre" if method == "finditer" else None if program.is_own(name) else _MAKERS.get(name)
    if module is None and isinstance(call.func, ast.Attribute) and call.func.attr == "open":
        module = "_io" if _is_path(program, code, call.func.value) else None
    if module is not None:
        words = refusals.words(module)
        return None if words is None else _Made(*words)
    own = program.definition(code, call.func) if program.is_own(name) or isinstance(call.func, ast.Name) else None
    return None if own is None else _returned(program, own)


def _returned(program: CheckedProgram, own: Definition) -> _Made | None:
    """Returns what a function of the program makes and returns, if it is its own statement that does."""
    code, function = own
    if isinstance(function, ast.Lambda) or any(
        program.name(code, decorator) == _PER_HUB for decorator in function.decorator_list
    ):
        return None
    for node in code.nodes:
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Call) and code.function_of(node) is function:
            name = program.name(code, node.value.func)
            if name in _MAKERS or name in _GENERATORS:
                return _made(program, code, node.value, name)
    return None


def _is_path(program: CheckedProgram, code: Code, node: ast.AST) -> bool:
    match node:
        case ast.Call(func=func):
            return program.name(code, func) in ("pathlib.Path", "pathlib.PosixPath")
        case ast.BinOp(left=left, op=ast.Div()):
            return _is_path(program, code, left)
        case ast.Name(id=name):
            found = code.bindings(name, node) or []
            return len(found) == 1 and found[0].how == "value" and _is_path(program, code, found[0].node or node)
    return False


def _cannot_travel(program: CheckedProgram, code: Code) -> Iterator[Found]:
    for call, name in program.calls(code):
        made = _made(program, code, call, name)
        if made is None:
            continue
        holder = held(program, code, call)
        by = f" in {holder.by}" if holder.by else ""
        if holder.how == "kept":
            yield Found(call, "error", f"{made.what} is kept{by}: while it is there, nothing can be moved", made.remedy)
        if holder.how != "lines":
            continue
        function = code.function_of(call)
        wait = next(program.waits_between(code, function, holder.lines), None)
        if wait is not None:
            line = getattr(wait, "lineno", 0)
            yield Found(
                call,
                "error",
                f"{made.what} is held{by} while the function waits in line {line}: no move then",
                made.remedy,
            )
            continue
        loop = holder.loop or next(program.loops_between(code, function, holder.lines), None)
        if loop is not None:
            where = f"in the loop of line {loop.lineno}"
            yield Found(call, "warning", f"{made.what} is held{by} {where}: until its end no move", made.remedy)


def _made_anew(program: CheckedProgram, code: Code) -> Iterator[Found]:
    for call, name in program.calls(code):
        if code.function_of(call) is not None or _MAKERS.get(name) not in _WITH_ANOTHER_END:
            continue
        made = _made(program, code, call, name)
        if made is None:
            continue
        holder = held(program, code, call)
        if holder.how == "import":
            yield Found(
                call,
                "warning",
                f"{made.what} is made when the file is imported: after a move {holder.by} is another one, new",
                "keep in it nothing that the function relies on, or make it where it is needed",
            )


def _thread(program: CheckedProgram, code: Code) -> Iterator[Found]:
    for call, name in program.calls(code):
        if name not in _THREADS:
            continue
        outer, _ = code.above(call)
        started = isinstance(outer, ast.Attribute) and outer.attr == "start"
        if started or held(program, code, call).how == "dropped":
            what = "process" if "Process" in name else "thread"
            yield Found(
                call,
                "error",
                f"a {what} is started that goes on by itself: it stays behind when the function moves",
                "do the work in the function; what shall go on beside it is a function of its own",
            )


RULES: Final = (
    Rule("cannot-travel", "A file, socket, connection, process, foreign iterator ... that is held over a wait or a loop.", _cannot_travel),
    Rule("made-anew", "Such a value as a global: import makes another one on each hub.", _made_anew),
    Rule("thread", "A thread or process that nobody waits for.", _thread),
)  # fmt: skip
