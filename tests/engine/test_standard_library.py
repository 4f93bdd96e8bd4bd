"""Code that nobody here wrote: modules of the standard library as users' modules, stopped, resumed and compared."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.engine.harness import exercise, source_of

USES = {
    "heapq": "h = [5, 3, 8, 1]; heapify(h); heappush(h, 2)\n    return heappop(h), h, nsmallest(2, h, key=lambda v: -v), list(merge([1, 4], [2, 3]))",
    "bisect": "a = [1, 3, 5]; insort(a, 4); insort_left(a, 2)\n    return a, bisect(a, 3)",
    "textwrap": "return wrap('The quick brown fox jumps over the lazy dog', 15), dedent('  a\\n   b\\n'), indent('a\\nb', '> ')",
    "fractions": "a = Fraction(3, 4); b = Fraction('1.25')\n    return str(a + b), a < b, str(Fraction(3.5).limit_denominator(10)), a ** 2 * b - 1",
    "difflib": "return list(unified_diff('a b c'.split(), 'a x c'.split(), lineterm='')), get_close_matches('appel', ['ape', 'apple'])",
    "colorsys": "return rgb_to_hsv(.2, .4, .6), hls_to_rgb(.3, .4, .5), rgb_to_yiq(.1, .2, .3)",
    "shlex": "return split('a \\'b c\\' \"d\"'), quote(\"it's\")",
    "calendar": "return monthrange(2023, 2), TextCalendar().formatweek([(1, 2), (2, 3)], 3)",
    "graphlib": "t = TopologicalSorter({'d': {'b', 'c'}, 'b': {'a'}, 'c': {'a'}})\n    return sorted(t.static_order())",
    "pprint": "return pformat({'a': [1, 2, {'b': (3, 4)}], 'z': list(range(12))}, width=20)",
    "urllib.parse": "return urlsplit('http://u:p@h:80/p?x=1#f').hostname, urljoin('http://a/b/c', '../d'), parse_qs('a=1&b=2&a=3')",
    "configparser": "c = ConfigParser(); c.read_string('[a]\\nx=1\\ny=%(x)s2\\n')\n    return c.getint('a', 'x'), c['a']['y'], c.sections()",
    "json.encoder": "return ''.join(JSONEncoder(indent=1).iterencode({'a': [1, 2.5, None], 'b': {'c': 'x'}}))",
    "ast": "return unparse(parse('def f(a, *b): return [x for x in a if x] + (yield)'))",
    "csv": "import io\n    return list(DictReader('a,b\\n1,2'.splitlines()))",
    "fnmatch": "return fnmatch('abc.py', '*.py'), translate('a[!b]?*')",
    "posixpath": "return join('a', '/b', 'c'), normpath('a/../b//c'), relpath('/a/b', '/a/c'), commonpath(['/a/b', '/a/c'])",
    "tokenize": "from io import StringIO\n    return [t.string for t in generate_tokens(StringIO('x = 1 # c').readline)]",
}


@pytest.mark.parametrize("module", USES)
def test_a_module_of_the_standard_library_is_resumed_equal(module: str, long_run: bool) -> None:
    path = Path(os.__file__).parent / f"{module.replace('.', '/')}.py"
    text = path.read_text(encoding="utf-8") + f"\n\ndef main():\n    {USES[module]}\n"
    report = exercise(source_of(text), every=1 if long_run else 23, most=1000 if long_run else 15)
    assert report.different == []
    assert report.stops > 0
