def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)


def main(n=20):
    return fib(n)
