def checked(i):
    if i % 3 == 0:
        raise ValueError(i)
    return i


def main(n=12000):
    caught = total = 0
    for i in range(n):
        try:
            total += checked(i)
        except ValueError:
            caught += 1
    return total, caught
