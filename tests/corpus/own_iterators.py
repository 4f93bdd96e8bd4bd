log = []


def note(x):
    log.append(x)
    return x


class Countdown:
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return self

    def __next__(self):
        note(self.n)
        if self.n == 0:
            raise StopIteration
        self.n -= 1
        return note(self.n)


class Pairs:
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        for i in range(self.n):
            yield note((i, i))


def main():
    out = []
    for x in Countdown(3):
        if x == 2:
            continue
        out.append(note(x))
    else:
        out.append("else")
    for x in Countdown(5):
        if x == 3:
            break
    for a, b in Pairs(3):
        out.append(a + b)
    for x in [note(y) for y in Countdown(2)]:
        out.append(x)
    return out
