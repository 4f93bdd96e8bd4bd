"""JSON as microcontrollers print it: a bare ``nan``, or a hole where a sensor gave nothing.

A printf of a missing reading spoils the whole object for a strict reader, and a dozen healthy values with it. So what
JSON has no word for, and a number beyond all range, becomes null, outside of quotes only, and nothing else is mended: a lost quote or bracket means that
bytes are missing, and nobody knows which.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

from devices.protocol.readings import NoNumber, parse

# A text that never ends is one token to the end: were it none, the search would begin anew at each quote within it.
_TOKENS: Final = re.compile(
    r'(?P<text>"(?:[^"\\]|\\.)*+(?:"|\Z))'
    r"|(?P<none>(?<![\w.])[+-]?(?:nan|inf|infinity|none|undefined)(?![\w.]))"
    r"|(?P<huge>-?\d{1,400}(?:\.\d{1,400})?[eE]\+?\d{3,9})"
    r"|(?P<hole>:\s*(?=[,}]))",
    re.IGNORECASE | re.DOTALL,
)
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"  # before a text from Windows
_LONGEST: Final = 64 * 1024
"""Bytes that are looked into: what prints its JSON by hand is small."""


def parse_leniently(payload: bytes) -> tuple[Any, str]:
    """Returns what a payload says, as `parse` does, and what had to be forgiven, in words; empty if nothing.

    Args:
        payload: as it came.
    """
    payload = payload.removeprefix(_BYTE_ORDER_MARK)
    value = parse(payload)
    if value is not NoNumber.MALFORMED or len(payload) > _LONGEST:
        return value, ""
    text = payload.rstrip(b"\0 \t\r\n").decode(errors="replace")
    hole: list[int] = []

    def mend(token: re.Match[str]) -> str:
        if token["text"]:
            return token[0]
        if token["huge"]:
            return "null" if math.isinf(float(token[0])) else token[0]
        if token["none"]:
            return "null"
        hole.append(token.start() + 1)
        return ":null"

    mended = parse(_TOKENS.sub(mend, text).encode())
    if isinstance(mended, NoNumber):
        return value, ""
    return (
        mended,
        f"not JSON: nothing stands behind the colon at character {hole[0]}; the rest was read" if hole else "",
    )
