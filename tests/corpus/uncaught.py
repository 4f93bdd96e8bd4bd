log = []


def note(x):
    log.append(x)
    return x


def inner(x):
    note(x)
    try:
        return [1][note(x)]
    except IndexError as e:
        note("handling")
        raise RuntimeError("wrapped") from e


def main():
    try:
        inner(5)
    except RuntimeError as error:
        saved = error
        note(repr(saved.__cause__))
    try:
        raise saved
    finally:
        note("finally")
        note("more")
