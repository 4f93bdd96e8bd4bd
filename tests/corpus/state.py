log = []


def note(x):
    log.append(x)
    return x


counts = {}
items = []
total = 0
LIMIT = 3
cache = {}


def bump(name):
    global total
    counts[name] = counts.get(name, 0) + 1
    total += 1
    note(total)


def cached(x, memo=cache):
    if x not in memo:
        memo[x] = note(x * x)
    return memo[x]


def main():
    for i in range(LIMIT):
        bump("a")
        items.append(i)
        bump("b")
    return counts, items, total, cached(2), cached(2), cache
