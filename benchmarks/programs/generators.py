def numbers(n):
    for i in range(n):
        yield i


def even(source):
    for i in source:
        if not i & 1:
            yield i * i


def main(n=25000):
    total = 0
    for value in even(numbers(n)):
        total += value
    return total
