log = []


def note(x):
    log.append(x)
    return x


def main():
    a = note(1)
    b = [note(x) for x in range(2)]
    found = sorted(locals())
    note(found)
    return found, a, b
