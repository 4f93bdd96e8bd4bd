import contextlib
import io

log = []


@contextlib.contextmanager
def room(name):
    log.append(("enter", name))
    try:
        yield name.upper()
    except KeyError as error:
        log.append(("caught", str(error)))
    finally:
        log.append(("leave", name))


def main():
    with room("hall") as hall, contextlib.suppress(ZeroDivisionError):
        log.append(hall)
        log.append(1 / 0)
    with room("attic"):
        raise KeyError("key")
    with contextlib.ExitStack() as stack:
        names = [stack.enter_context(room(name)) for name in ("a", "b")]
        stack.callback(log.append, "called back")
        kept = stack.pop_all()
    kept.close()
    with contextlib.redirect_stdout(io.StringIO()) as out:
        print("hidden")
    with contextlib.closing(io.BytesIO(b"x")) as file, contextlib.nullcontext(5) as five:
        names.append((file.read(), five))
    return names, out.getvalue(), log
