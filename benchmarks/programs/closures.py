def counter(step):
    value = 0

    def add(by):
        nonlocal value
        value += by * step
        return value

    return add


def main(n=1500):
    last = 0
    for i in range(n):
        add = counter(i)
        for j in range(8):
            last = add(j)
    return last
