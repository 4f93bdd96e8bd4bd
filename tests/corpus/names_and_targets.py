log = []


def note(x):
    log.append(x)
    return x


total = 0
history: list = []


class Box:
    kind: str = "box"

    def __init__(self, **attributes):
        for name, value in attributes.items():
            setattr(self, name, value)

    def __getitem__(self, key):
        note(("get", key))
        return self.items[key]

    def __setitem__(self, key, value):
        note(("set", key, value))
        self.items[key] = value

    def __delitem__(self, key):
        note(("del", key))
        del self.items[key]

    def __delattr__(self, name):
        note(("delattr", name))
        object.__delattr__(self, name)


def global_in_nested():
    def bump(by):
        global total, made_here
        total += note(by)
        made_here = total

        def deeper():
            global total
            history.append(note(total))
            total *= 2

        deeper()

    bump(2)
    bump(3)
    return total, history, made_here


def global_deleted():
    global passing
    passing = note(1)

    def drop():
        global passing
        note(passing)
        del passing

    drop()
    try:
        return passing
    except NameError as error:
        return str(error)


def nonlocal_chain():
    x = note(1)

    def one():
        y = note(2)

        def two():
            nonlocal x, y
            x += note(y)
            y = x * 2

            def three():
                nonlocal x
                x = note(x) + 1
                return y

            return three

        got = two()()
        return got, y

    return one(), x


def shadowing():
    total = note(5)
    history = [total]

    def inner(total):
        history.append(note(total))
        return [total for total in range(note(2))], total

    return inner(7), history, total


def deleted_names():
    a = b = note([1])
    del a
    try:
        note(a)
    except UnboundLocalError:
        note("unbound")
    a, c = note(2), b
    del b, c
    return a


def deleted_cells():
    x = note(1)

    def inner():
        return x

    first = inner()
    del x
    try:
        inner()
    except NameError:
        note("free variable")
    x = note(2)
    return first, inner()


def deleted_items():
    items = list(range(6))
    del items[note(0)]
    del items[note(1):note(3)], items[-1]
    names = {"a": 1, "b": {"c": 2, "d": 3}}
    del names["b"][note("c")], names["a"]
    del (items[0], [items[0]])
    return items, names


def deleted_attributes():
    box = Box(items={"k": 1, "l": 2}, name="n", other=Box(x=1))
    del box[note("k")]
    del box.name, box.other.x
    try:
        del box.name
    except AttributeError:
        note("no name")
    return sorted(vars(box)), box.items, vars(box.other)


def own_subscripts():
    box = Box(items=[1, 2, 3])
    box[note(0)] += note(5)
    box[1], box[2] = box[2], note(9)
    box.kind = note("own")
    return box.items, box[note(-1)], Box.kind, box.kind


def assignments():
    a = b = [note(1), note(2), note(3)]
    first, *middle, last = note("abcd")
    (c, [d, *e]), f = (note(1), [2, 3]), note(4)
    x: int = note(5)
    y: "never evaluated"
    b[note(0)], b[note(1)] = b[note(1)], note(7)
    a[1:] = note([8, 9])
    i = 0
    i, b[i] = note(1), note("order")
    for a[0], *rest in [(note(1), 2, 3), (4,)]:
        note(rest)
    return a, b is a, first, middle, last, c, d, e, f, x, i


def assignment_errors():
    out = []
    for values in ([1], [1, 2, 3], 5, {"k": 1, "l": 2}):
        try:
            left, right = note(values)
            out.append((left, right))
        except (TypeError, ValueError) as error:
            out.append(str(error))
    try:
        one, *many, two = note([1])
    except ValueError as error:
        out.append(str(error))
    return out


def augmented_everywhere():
    box = Box(items=[1, 2], n=note(1))
    names = {"k": [1]}
    box.n += note(2)
    box.items[note(0)] *= note(3)
    names[note("k")] += [note(4)]
    names.setdefault("l", [])[:] = note([5])
    text = "a"
    text += note("b") + f"{note('c')}"
    number = note(7)
    number -= (number := note(2))
    return box.n, box.items, names, text, number


def class_in_a_function():
    base = note(2)

    class Local(Box):
        kind = note("local")
        twice = base * 2

        def get(self):
            nonlocal base
            base += 1
            return note(base + self.twice)

    return Local.kind, Local.twice, [Local().get(), Local().get()]


def annotated():
    numbers: list[int] = []
    box = Box()
    box.size: int = note(3)
    numbers.append(box.size)
    label: str
    try:
        note(label)
    except UnboundLocalError:
        label = note("now bound")
    return numbers, label


def main():
    return (
        global_in_nested(), global_deleted(), nonlocal_chain(), shadowing(), deleted_names(), deleted_cells(),
        deleted_items(), deleted_attributes(), own_subscripts(), assignments(), assignment_errors(),
        augmented_everywhere(), class_in_a_function(), annotated(),
    )
