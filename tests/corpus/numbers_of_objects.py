from copy import deepcopy

SEEN = {}
log = []
number_of = id


class Node:
    def __init__(self, name):
        self.name = name
        self.next = None


def note(x):
    log.append(x)
    return x


def loop():
    first = Node("a")
    first.next = Node("b")
    first.next.next = first
    return first


def names(node, seen):
    if id(node) in seen:
        return []
    seen.add(id(node))
    return [note(node.name), *names(node.next, seen)]


def copied(x, memo):
    known = memo.get(id(x))
    if known is not None:
        return known
    if isinstance(x, list):
        made = memo[id(x)] = []
        for each in x:
            made.append(copied(each, memo))
    else:
        made = note(x)
    return made


def cyclic():
    rows = [[1, 2], [3]]
    rows.append(rows)
    rows.append(rows[0])
    made = copied(rows, {})
    return made[2] is made, made[3] is made[0], len(made)


def registered():
    kept = [[n] for n in range(3)]
    for each in kept:
        SEEN[number_of(each)] = each
    note(len(SEEN))
    ask, fresh = id, [note("fresh")]
    found = [SEEN[ask(each)] is each for each in kept], id(fresh) in SEEN, len({*map(ask, kept), ask(fresh)}), ask is id
    SEEN.clear()
    SEEN["found"] = len(found)
    return found


def main():
    return names(loop(), set()), cyclic(), registered(), len(deepcopy([log, log]))
