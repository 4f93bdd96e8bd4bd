log = []


def note(x):
    log.append(x)
    return x


def work(n):
    out = []
    for i in range(n):
        with Guard(i):
            try:
                try:
                    if i % 2:
                        raise ValueError(i)
                    out.append(note(i))
                finally:
                    for j in range(2):
                        try:
                            note(("final", j))
                            if j:
                                raise KeyError(j)
                        except KeyError as k:
                            for z in (1, 2):
                                note((z, str(k)))
                                if z == 1:
                                    continue
                                out.append(z)
            except ValueError as e:
                while True:
                    note(("handled", str(e)))
                    try:
                        out.append(str(e))
                        break
                    finally:
                        note("broken out")
                        note("really")
            else:
                note("no error")
    return out


class Guard:
    def __init__(self, n):
        self.n = n

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        log.append(("exit", self.n, exc[0] and exc[0].__name__))


def main():
    return work(3)
