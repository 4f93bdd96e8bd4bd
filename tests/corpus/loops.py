log = []


def note(x):
    log.append(x)
    return x


def main():
    out = []
    for i in range(3):
        for j in note(range(3)):
            if j == note(2):
                break
            if i == 1:
                continue
            out.append((i, j))
        else:
            out.append("never")
        k = 0
        while k < 2:
            k += note(1)
        else:
            out.append(k)
        while True:
            k += 1
            if k > 4:
                break
    for x in []:
        pass
    else:
        out.append("empty")
    while note(0):
        pass
    n = 3
    while note(n) and note(n - 1):
        n -= 1
    while (a := note(n)) and a + note(1) > 100 or note(False):
        n -= 1
    else:
        out.append("done")
    return out, n
