log = []


def note(x):
    log.append(x)
    return x


class Registry:
    made = 0
    known = {}

    def __init__(self, name):
        Registry.made += 1
        Registry.known[name] = self
        self.name = note(name)

    @classmethod
    def names(cls):
        return sorted(cls.known)


def main():
    for n in "abc":
        Registry(n)
        note(Registry.made)
    Registry.extra = note("x")
    note("before the end")
    return Registry.made, Registry.names(), Registry.extra
