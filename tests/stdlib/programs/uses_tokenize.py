import io
import tokenize

TEXT = 'def f(a):\n    """Doc."""\n    # note\n    x = [1.5, 0x1F,\n         "a" \'b\'] if a else -2\n    return x\n'


def main():
    tokens = [tuple(token)[:4] for token in tokenize.generate_tokens(io.StringIO(TEXT).readline)]
    back = tokenize.untokenize([token[:2] for token in tokens])
    encoding, lines = tokenize.detect_encoding(iter([b"# -*- coding: latin-1 -*-\n", b"x = 1\n"]).__next__)
    try:
        list(tokenize.generate_tokens(io.StringIO("x = (1,\n").readline))
    except tokenize.TokenError as error:
        return [list(token) for token in tokens], back, encoding, lines, error.args[0]
