import difflib

OLD = ["one\n", "two\n", "three\n", "four\n"]
NEW = ["ore\n", "tree\n", "three\n", "emu\n", "four\n"]


def main():
    matcher = difflib.SequenceMatcher(None, "washing", "whistling")
    blocks = [tuple(block) for block in matcher.get_matching_blocks()]
    codes = matcher.get_opcodes()
    ratios = round(matcher.ratio(), 6), matcher.quick_ratio(), matcher.real_quick_ratio()
    unified = list(difflib.unified_diff(OLD, NEW, "old", "new"))
    context = list(difflib.context_diff(OLD, NEW, n=1))
    delta = list(difflib.ndiff(OLD, NEW))
    back = list(difflib.restore(delta, 1))
    near = difflib.get_close_matches("wahser", ["washer", "dryer", "water"])
    return blocks, codes, ratios, unified, context, delta, back, near
