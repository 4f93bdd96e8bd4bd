log = []


def note(x):
    log.append(x)
    return x


def main():
    out = []
    try:
        note("body")
        raise ExceptionGroup("g", [ValueError(1), KeyError(2), ValueError(3)])
    except* ValueError as e:
        out.append(len(e.exceptions))
    except* KeyError:
        out.append("key")
    else:
        out.append("else")
    finally:
        note("finally")
    note(out)
    return out
