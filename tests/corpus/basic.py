log = []


def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)


def add(a, b=1):
    log.append(("add", a, b))
    return a + b


def main():
    total = 0
    for x in [1, 2, 3]:
        total += add(x, total)
        if x == 2:
            continue
        log.append(total)
    else:
        log.append("else")
    n = 0
    while add(n) < 4:
        n += 1
        if n > 10:
            break
    return total, fib(4), n
