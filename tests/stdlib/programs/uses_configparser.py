import configparser
import io

TEXT = """
[DEFAULT]
hub = attic
; a comment
[washer]
plug = washer-%(hub)s
limit: 10.5
lines = one
  two

  three
[dryer]
hub = nas
on = yes
empty
"""


def main():
    parser = configparser.ConfigParser(allow_no_value=True)
    parser.read_string(TEXT)
    found = {name: dict(parser[name]) for name in parser.sections()}
    types = parser.getfloat("washer", "limit"), parser.getboolean("dryer", "on"), parser.get("x", "y", fallback=None)
    parser["new"] = {"a": "1"}
    parser.set("new", "b", "%%2")
    written = io.StringIO()
    parser.write(written)
    other = configparser.ConfigParser(interpolation=configparser.ExtendedInterpolation())
    other.read_dict({"a": {"x": "1"}, "b": {"y": "${a:x}2"}})
    mistakes = []
    for text in ("no section = 1", "[a]\n[a]", "[a]\nb = %(c)s"):
        try:
            again = configparser.ConfigParser()
            again.read_string(text)
            again.get("a", "b")
        except configparser.Error as error:
            mistakes.append((type(error).__name__, error.message))
    return found, types, written.getvalue(), other["b"]["y"], mistakes
