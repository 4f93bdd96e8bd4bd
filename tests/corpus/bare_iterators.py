log = []


def note(x):
    log.append(x)
    return x


class Steps:
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return Bare(self.n)


class Bare:
    def __init__(self, n):
        self.n = n

    def __next__(self):
        if not self.n:
            raise StopIteration
        self.n -= 1
        return note(self.n)


def steps():
    yield from Steps(2)


def main():
    out = []
    for x in Steps(3):
        out.append(note(x))
    for x in Steps(2):
        note(x)
    else:
        note('end')
    for x in steps():
        out.append(x)
    return out
