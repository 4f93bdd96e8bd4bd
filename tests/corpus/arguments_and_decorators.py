log = []


def note(x):
    log.append(x)
    return x


def collect(*args, **kwargs):
    note((args, kwargs))
    return args, kwargs


def mixed(a, b=note(2), /, c=3, *rest, d, e=note("e"), **more):
    note((a, b, c, rest, d, e, more))
    return a + b + c + len(rest) + d


def times(n, label="times"):
    note(("decorator", n))

    def decorate(function):
        note(("decorated", function.__name__))

        def repeated(*args, **kwargs):
            out = []
            for i in range(n):
                note((label, i))
                out.append(function(*args, **kwargs))
            return out

        return repeated

    return decorate


def registered(by):
    def decorate(function):
        by[function.__name__] = function
        return function

    return decorate


BY_NAME = {}


@times(2, label="twice")
@times(1)
def doubled(x, *, plus=0):
    y = note(x) * 2
    return y + plus


@registered(BY_NAME)
def add(a, b):
    total = note(a) + note(b)
    return total


@registered(BY_NAME)
def negate(a):
    return -note(a)


class Counted:
    made = 0

    def __init__(self, function):
        self.function = function
        self.calls = 0

    def __call__(self, *args):
        self.calls += 1
        note(("call", self.calls))
        return self.function(*args)


@Counted
def counted(n):
    if n:
        return n + counted(n - 1)
    return note(0)


def star_arguments():
    pair, named = [note(1), note(2)], {"x": note(3)}
    out = [collect(*pair, note(4), *(note(5),), **named, y=note(6))]
    out.append(collect(*range(note(2)), **{"z": note(7)}, **{}))
    out.append(collect(*"ab", *[], *{note(8): 1}))
    return out


def star_argument_errors():
    out = []
    for arguments, named in (((1,), {"d": note(1)}), ((), {}), ((1, 2, 3, 4), {"d": 1, "a": 2}), ((1,), {"b": 1})):
        try:
            out.append(mixed(*arguments, **named))
        except TypeError as error:
            out.append(str(error))
            note("refused")
    try:
        collect(**{"a": 1}, **{"a": note(2)})
    except TypeError:
        note("twice")
    try:
        collect(*note(5))
    except TypeError:
        note("not iterable")
    return out


def all_kinds_of_parameters():
    out = [mixed(1, d=note(4))]
    out.append(mixed(note(1), 5, note(6), 7, 8, d=9, f=note(10)))
    out.append(mixed(*[1, 2], c=note(3), d=4, **{"a": note("named a")}))
    return out


def decorated_with_arguments():
    out = doubled(note(3), plus=note(1))
    note(out)
    return out


def decorated_by_a_registry():
    out = []
    for name, args in (("add", (1, 2)), ("negate", (3,))):
        out.append(BY_NAME[name](*args))
    return out, add is BY_NAME["add"]


def decorated_by_a_class():
    total = counted(note(2))
    return total, counted.calls


def decorated_inside():
    seen = []

    @times(note(2))
    @registered({})
    def inner(x):
        seen.append(note(x))
        return len(seen)

    return inner(5), seen


def order_of_arguments():
    def first():
        note("function")
        return collect

    return first()(note("a"), *[note("b")], k=note("c"), **{"l": note("d")})


def calls_of_calls():
    def make(n):
        note(n)
        return (lambda m: make(n + m)) if n < 3 else (lambda m: [note(n), m])

    return make(note(0))(note(1))(note(2))(note(3))


def defaults_are_made_once():
    def inner(x, seen=[note("made")], *, by={}):
        seen.append(x)
        by[x] = note(len(seen))
        return seen, by

    inner(1)
    out = inner(2)
    return out, inner(3, [])[0], inner.__defaults__, inner.__kwdefaults__


def keyword_only_through_stars():
    def inner(*, a, b=2):
        note((a, b))
        return a - b

    settings = {"a": note(5)}
    out = [inner(**settings)]
    settings["b"] = note(1)
    out.append(inner(**settings))
    return out


def lambdas():
    fs = [lambda x, y=note(1), *z, k=note(2): note(x + y + k + len(z)), lambda: note("none"), lambda *a, **k: (a, k)]
    out = [fs[0](1), fs[0](1, 2, 3, k=4), fs[1](), fs[2](*[note(1)], z=note(2))]
    choose = (lambda: note("yes")) if note(True) else (lambda: note("no"))
    out.append(choose())
    pick = lambda n: note("small") if n < 2 else note("middle") if n < 4 else note("large")
    out += [pick(n) for n in (1, 3, 5)]
    later = lambda f=pick: (lambda: f(note(9)))
    return out, later()()


def main():
    return (
        star_arguments(), star_argument_errors(), all_kinds_of_parameters(), decorated_with_arguments(),
        decorated_by_a_registry(), decorated_by_a_class(), decorated_inside(), order_of_arguments(), calls_of_calls(),
        defaults_are_made_once(), keyword_only_through_stars(), lambdas(),
    )
