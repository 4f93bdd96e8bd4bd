import string


class Braces(string.Template):
    delimiter = "%"
    idpattern = "[a-z]+"


def main():
    template = string.Template("$who uses ${what}s for $$5, $missing")
    safe = template.safe_substitute(who="Anna", what="plug")
    names = template.get_identifiers(), template.is_valid()
    other = Braces("%a and %{b}").substitute({"a": 1}, b=2)
    formatter = string.Formatter()
    formatted = formatter.format("{0!r:>8} {name.real[0]} {1:{width}}", "x", 2, name=complex(1), width=4) if 0 else ""
    formatted += formatter.format("{0!r:>8} {name} {1:{width}}", "x", 2, name="n", width=4)
    mistakes = []
    for text in ("$missing", "$ bad"):
        try:
            string.Template(text).substitute({})
        except (KeyError, ValueError) as error:
            mistakes.append(repr(error))
    return (
        safe,
        names,
        other,
        formatted,
        string.capwords("the quick  fox"),
        list(formatter.parse("a{b!s:c}d")),
        mistakes,
    )
