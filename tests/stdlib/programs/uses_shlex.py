import shlex


def main():
    words = shlex.split("""run 'washer one.py' --arg "plug=a b\\"c" \\  x#y # comment""", comments=True)
    plain = shlex.split("a 'b c'", posix=False)
    lexer = shlex.shlex("a && b || c; d >file", punctuation_chars=True, posix=True)
    parts = list(lexer)
    back = shlex.join(["a b", "c'd", "e"])
    try:
        shlex.split("'no end")
    except ValueError as error:
        return words, plain, parts, back, shlex.quote("x;y"), str(error)
