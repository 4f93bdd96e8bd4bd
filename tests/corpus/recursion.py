log = []


def note(x):
    log.append(x)
    return x


def down(n):
    if n == 0:
        return note("bottom")
    return down(n - 1)


def main():
    return down(20), sum(x for x in range(3))
