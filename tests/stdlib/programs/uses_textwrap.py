import textwrap

TEXT = "The washing machine has finished; its door-seal is still closed, and nobody has noticed it yet."


def main():
    lines = textwrap.wrap(TEXT, 24)
    filled = textwrap.fill(TEXT, 30, initial_indent="* ", subsequent_indent="  ", max_lines=3, placeholder=" ...")
    short = textwrap.shorten(TEXT, 40)
    plain = textwrap.dedent("    a\n      b\n    c\n")
    moved = textwrap.indent(plain, "> ", lambda line: line.strip() != "b")
    wrapper = textwrap.TextWrapper(width=10, break_long_words=True, fix_sentence_endings=True)
    return lines, filled, short, plain, moved, wrapper.wrap("incomprehensibilities. And so on"), vars(wrapper)
