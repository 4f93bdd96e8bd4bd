import random


def main():
    random.seed(1)  # else it is the system that seeds it
    own = random.Random(20261125)
    cards = list(range(10))
    own.shuffle(cards)
    drawn = (
        own.sample(cards, 4),
        own.choice("abc"),
        own.choices([1, 2, 3], weights=[1, 5, 1], k=5),
        own.randrange(1, 100, 7),
    )
    numbers = (
        own.gauss(0, 1),
        own.normalvariate(10, 2),
        own.expovariate(2),
        own.betavariate(1, 2),
        own.triangular(0, 9, 3),
    )
    more = (
        own.gammavariate(0.5, 1),
        own.gammavariate(3, 1),
        own.vonmisesvariate(1, 4),
        own.paretovariate(3),
        own.randbytes(3),
    )
    many = own.sample(range(10**6), 3), own.sample(["x", "y"], counts=[3, 2], k=4)
    try:
        own.sample([1], 2)
    except ValueError as error:
        return cards, drawn, numbers, more, many, own.random(), str(error)
