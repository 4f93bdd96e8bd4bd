"""What belongs to one computer: its files, environment, names and process."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Final

from devices.runtime.checking.code import Code
from devices.runtime.checking.findings import Found, Rule
from devices.runtime.checking.program import CheckedProgram
from devices.runtime.checking.use import kept_in

_ROOTED: Final = re.compile(
    r"/(home|root|var|tmp|etc|mnt|media|srv|opt|usr|run|volume\d*|data|proc|sys|boot|Users|dev)(/|$)|[A-Za-z]:[\\/]|~[/\\]"
)
_EVERYWHERE: Final = (
    "/dev/null",
    "/dev/zero",
    "/dev/urandom",
    "/dev/random",
    "/dev/stdout",
    "/dev/stderr",
    "/usr/bin/env",
)
_TAKES_PATHS: Final = ("os.", "shutil.", "pathlib.", "io.open", "builtins.open", "sqlite3.connect", "glob.", "zipfile.")
_HOST: Final = frozenset(
    {
        "socket.gethostname", "socket.getfqdn", "platform.node", "platform.uname", "os.uname", "os.getpid", "os.getppid",
        "uuid.getnode", "os.getcwd", "pathlib.Path.cwd", "pathlib.Path.home", "os.path.expanduser",
        "tempfile.gettempdir", "tempfile.mkdtemp", "tempfile.mkstemp", "os.cpu_count", "threading.get_ident",
        "threading.current_thread", "platform.machine", "platform.platform", "os.getuid", "os.getlogin", "getpass.getuser",
        "shutil.which",
    }
)  # fmt: skip
_STATE: Final = {
    "os.chdir": "the current folder", "os.umask": "the mask of new files", "os.putenv": "the environment",
    "os.environ.update": "the environment", "os.environ.setdefault": "the environment", "os.environ.pop": "the environment",
    "locale.setlocale": "the locale", "signal.signal": "a signal's handler", "signal.setitimer": "a timer",
    "signal.alarm": "a timer", "atexit.register": "what is called at the end of the process",
    "sys.setrecursionlimit": "the depth of recursion", "os.nice": "the priority", "faulthandler.enable": "a fault handler",
    "sys.path.append": "where modules are found", "sys.path.insert": "where modules are found",
    "socket.setdefaulttimeout": "the time limit of sockets", "resource.setrlimit": "a limit of the process",
    "weakref.finalize": "what is called when an object goes",
}  # fmt: skip
_ONCE: Final = frozenset(
    {
        "time.time", "time.time_ns", "uuid.uuid1", "uuid.uuid4", "random.random", "random.randint", "random.choice",
        "random.randrange", "random.uniform", "secrets.token_hex", "secrets.token_bytes", "secrets.token_urlsafe",
        "secrets.randbelow", "os.urandom", "os.listdir", "datetime.datetime.now", "datetime.datetime.utcnow",
        "datetime.date.today", "datetime.datetime.today",
    }
)  # fmt: skip


def _paths(program: CheckedProgram, code: Code) -> Iterator[Found]:
    for node in code.nodes:
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            continue
        text = node.value
        if "\n" in text or text.startswith(_EVERYWHERE) or _is_said(code, node) or _is_shebang_or_topic(text):
            continue
        rooted = _ROOTED.match(text) is not None
        if not rooted and not (text.startswith("/") and len(text) > 1 and _is_path(program, code, node)):
            continue
        shown = text if len(text) <= 40 else f"{text[:40]}..."
        yield Found(
            node,
            "warning",
            f"the path {shown!r} is one computer's: on the next hub there may be another file, or none",
            "give it as a parameter of the function, and choose by ctx.hub what differs between hubs",
        )


def _is_path(program: CheckedProgram, code: Code, node: ast.AST) -> bool:
    """Tells whether a text is handed to something that takes a path."""
    for outer, _ in code.around(node):
        match outer:
            case ast.Call():
                return program.name(code, outer.func).startswith(_TAKES_PATHS)
            case ast.JoinedStr() | ast.BinOp():
                continue
            case _:
                return False
    return False


def _is_shebang_or_topic(text: str) -> bool:
    return "#" in text or "+" in text or any(character.isspace() for character in text.strip())


def _is_said(code: Code, node: ast.AST) -> bool:
    """Tells whether a text is a docstring, or the default of a parameter, which whoever starts the function may change."""
    outer, _ = code.above(node)
    return isinstance(outer, ast.Expr | ast.arguments)


def _environment(program: CheckedProgram, code: Code) -> Iterator[Found]:
    remedy = "make it a parameter of the function (--arg NAME=VALUE): its value travels with it"
    what = "the environment is the hub's own: after a move it says something else"
    for node in code.nodes:
        match node:
            case ast.Attribute(ctx=ast.Load()) | ast.Name(ctx=ast.Load()):
                if program.name(code, node) in ("os.environ", "os.environb") and not _is_set(program, code, node):
                    yield Found(node, "warning", what, remedy)
            case ast.Call():
                if program.name(code, node.func) in ("os.getenv", "os.path.expandvars"):
                    yield Found(node, "warning", what, remedy)


def _is_set(program: CheckedProgram, code: Code, node: ast.AST) -> bool:
    """Tells whether the environment is changed here, which is another finding."""
    outer, _ = code.above(node)
    if isinstance(outer, ast.Subscript):
        return not isinstance(outer.ctx, ast.Load)
    return program.name(code, outer) in _STATE


def _host(program: CheckedProgram, code: Code) -> Iterator[Found]:
    for call, name in program.calls(code):
        if name in _HOST:
            keeper = kept_in(program, code, call)
            if keeper and code.function_of(call) is not None:
                yield Found(
                    call,
                    "warning",
                    f"{name}() is kept in {keeper}: after a move it is still the old hub's",
                    "ask again where it is needed; the hub's name is ctx.hub",
                )


def _beside(_: CheckedProgram, code: Code) -> Iterator[Found]:
    for node in code.nodes:
        if isinstance(node, ast.Name) and node.id == "__file__" and code.bindings("__file__", node) is None:
            yield Found(
                node,
                "warning",
                "__file__ is a bare name on a hub: only the modules travel, not the files beside them",
                "put small data into a module beside the function, and give the path of large data as a parameter",
            )


def _state(program: CheckedProgram, code: Code) -> Iterator[Found]:
    for call, name in program.calls(code):
        what = _STATE.get(name)
        if what is not None and code.function_of(call) is not None and not _only_asks(call, name):
            yield Found(
                call,
                "warning",
                f"{name}() sets {what}, for this process alone: it does not come along",
                "do it again where it is needed, or at the file's own level: that runs on every hub",
            )
    for node in code.nodes:
        if (
            isinstance(node, ast.Subscript)
            and not isinstance(node.ctx, ast.Load)
            and program.name(code, node.value) == "os.environ"
            and code.function_of(node) is not None
        ):
            yield Found(
                node,
                "warning",
                "the environment is set for this process alone: it does not come along",
                "do it again where it is needed, or at the file's own level: that runs on every hub",
            )


def _only_asks(call: ast.Call, name: str) -> bool:
    """Tells whether ``setlocale`` is called to learn what the locale is."""
    if name != "locale.setlocale":
        return False
    return len(call.args) == 1 or (isinstance(call.args[1], ast.Constant) and call.args[1].value is None)


def _once(program: CheckedProgram, code: Code) -> Iterator[Found]:
    for call, name in program.calls(code):
        if name in _ONCE and code.function_of(call) is None:
            keeper = kept_in(program, code, call)
            if keeper:
                yield Found(
                    call,
                    "warning",
                    f"{name}() is asked when the file is imported: after a move {keeper} is another value",
                    "ask in the function, and keep it in a variable there: that travels",
                )


RULES: Final = (
    Rule("path", "Absolute paths.", _paths),
    Rule("environment", "`os.environ`, `os.getenv()`.", _environment),
    Rule("host", "Host names, process ids, current and temporary folders, kept in a variable.", _host),
    Rule("beside", "`__file__`: data files beside the function do not travel.", _beside),
    Rule("process-state", "What belongs to the process: current folder, locale, signal handlers, `atexit` ...", _state),
    Rule("asked-at-import", "A clock, chance or a folder asked when the file is imported.", _once),
)
