import contextlib
import decimal
import io
import random
import sys

log = []


def note(x):
    log.append(x)
    return x


def dice():
    random.seed(7)
    own = random.Random(3)
    note([random.random(), own.random()])
    note(random.randint(1, 10**6))
    random.shuffle(log[:])
    note(own.choice("abcdef"))
    note(random.gauss(0, 1))


def printed():
    paper = io.StringIO()
    with contextlib.redirect_stdout(paper):
        print("on paper")
        note(sys.stdout is paper)
        print("and again")
    print("out")
    note(paper.getvalue())
    closed = io.BytesIO(b"x")
    closed.close()
    note(closed.closed)


def precise():
    decimal.getcontext().prec = 5
    third = decimal.Decimal(1) / 3
    note(third)
    own = decimal.Context(prec=3, rounding=decimal.ROUND_UP)
    note(own.divide(decimal.Decimal(2), decimal.Decimal(3)))
    note(decimal.Decimal(2) / 3)
    decimal.getcontext().prec = 28


def deep():
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(before + 500)
    note("deeper")
    note(sys.getrecursionlimit() - before)
    sys.setrecursionlimit(before)


def main():
    dice()
    printed()
    precise()
    deep()
    return log
