log = []


def note(x):
    log.append(x)
    return x


def use():
    global math, wrap
    import math
    from textwrap import wrap

    note(math.sqrt(16))
    note(wrap("one two", 4))


def main():
    use()
    note(math.floor(2.5))
    import string as letters

    note(letters.digits)
    return log, math.pi, wrap("three four", 6)
