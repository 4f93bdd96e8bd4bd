import itertools
from itertools import accumulate, chain, combinations, count, groupby, islice, pairwise, tee, zip_longest

log = []
TICKETS = count(100, 5)


def note(x):
    log.append(x)
    return x


def ordered():
    total = 0
    for a, b in pairwise(range(4)):
        total += note(a * b)
    for running in accumulate(range(4), initial=None):
        total += note(running)
    for running in accumulate([3, 1, 2], max, initial=2):
        total += note(running)
    return total


def grouped():
    out = []
    for key, group in groupby(['a', 'b', 'cde', 'fg', 'hi', 'j'], len):
        first = note(next(group))
        if first == 'a':
            continue
        for each in group:
            note(each)
        out.append((key, first))
    waiting = [(key, group) for key, group in groupby("aab")]
    note([list(group) for _, group in waiting])
    return out


def shared():
    left, right = tee(iter(range(3)))
    note(next(left))
    note(next(left))
    third = tee(right, 1)[0]
    note(next(third))
    return list(left), list(right), list(third)


def chosen():
    out = []
    for x in islice(itertools.dropwhile((2).__gt__, count()), 1, 6, 2):
        out.append(note(x))
    for x in itertools.takewhile(bool, [1, 3, 0, 5]):
        out.append(note(x))
    for x in itertools.filterfalse(None, itertools.compress([0, 1, "", 2], [1, 1, 1, 0])):
        out.append(note(x))
    for x in chain([1], range(2), itertools.repeat("r", 2), itertools.starmap(pow, [(2, 3), (3, 2)])):
        out.append(note(x))
    again = itertools.cycle("ab")
    for x, y in zip_longest(islice(again, 3), [0], fillvalue="-"):
        out.append(note((x, y, next(again), next(TICKETS))))
    return out


def combined():
    out = []
    for pair in combinations("abc", 2):
        for one in itertools.permutations(pair):
            out.append(note("".join(one)))
    for pair in itertools.product("xy", repeat=2):
        out.append(note(pair))
    for pair in itertools.combinations_with_replacement([1, 2], 2):
        out.append(note(pair))
    return out


def kept():
    ask, flatten = count(7).__next__, chain.from_iterable
    note(ask())
    note(list(flatten([[ask()], [ask()]])))
    try:
        for x in itertools.starmap(divmod, [(7, 2), (1, 0)]):
            note(x)
    except ZeroDivisionError as error:
        note(type(error).__name__)
    return repr(count(3, 2)), isinstance(TICKETS, count), type(TICKETS) is itertools.count, itertools.__name__


def main():
    return ordered(), grouped(), shared(), chosen(), combined(), kept(), next(TICKETS)
