def distance(pair):
    return (pair[0] - 50) ** 2 + pair[1]


def main(n=6000):
    pairs = [((i * 37) % 101, i) for i in range(n)]
    pairs.sort(key=distance)
    best = sorted(pairs, key=lambda pair: -pair[1])
    return pairs[0], best[-1]
