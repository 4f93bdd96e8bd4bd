import argparse


class Quiet(argparse.ArgumentParser):
    def error(self, message):
        raise ValueError(message)


def main():
    parser = Quiet(prog="midstream", description="Moves functions.", add_help=True)
    parser.add_argument("file", help="the file")
    parser.add_argument("-n", "--number", type=int, default=3, choices=[1, 2, 3])
    parser.add_argument("--arg", action="append", default=[], metavar="NAME=VALUE")
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--on", action="store_true")
    group.add_argument("--off", dest="on", action="store_false")
    more = parser.add_argument_group("more").add_argument("-v", action="count", default=0)
    found = vars(parser.parse_args(["a.py", "-n2", "--arg", "a=1", "--arg=b", "-vv", "--on"]))
    rest = parser.parse_known_args(["b.py", "--unknown", "x"])
    mistakes = []
    for words in ([], ["a", "-n", "x"], ["a", "-n", "9"], ["a", "--on", "--off"]):
        try:
            parser.parse_args(words)
        except ValueError as error:
            mistakes.append(str(error))
    return found, (vars(rest[0]), rest[1]), mistakes, parser.format_usage(), more.dest
