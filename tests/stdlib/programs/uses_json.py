import json

TEXT = '{"a": [1, 2.5e3, -0, true, null], "b": {"c": "\\u00e4\\ud83d\\ude00\\n"}, "d": [], "e": {}}'


def main():
    value = json.loads(TEXT)
    numbers = json.loads("[1.5, 2, NaN]", parse_float=lambda text: ("float", text), parse_constant=str)
    pairs = json.loads('{"x": 1, "x": 2}', object_pairs_hook=list)
    objects = json.loads('{"x": {"y": 1}}', object_hook=lambda found: sorted(found.items()))
    text = json.dumps(value, indent=2, sort_keys=True)
    small = json.dumps({"k": (1, "\u2028", True)}, separators=(",", ":"), ensure_ascii=False)
    special = json.dumps([{1, 2}], default=sorted)
    mistakes = []
    for wrong in ('{"a": }', "[1, 2", '"\\x"', "nul", "[1] 2", '{"a" 1}'):
        try:
            json.loads(wrong)
        except json.JSONDecodeError as error:
            mistakes.append((str(error), error.lineno, error.colno))
    loop = []
    loop.append(loop)
    try:
        json.dumps(loop)
    except ValueError as error:
        mistakes.append(str(error))
    return value, numbers, pairs, objects, text, small, special, mistakes
