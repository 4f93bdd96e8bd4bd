"""The base of the arguments of all questions."""

from __future__ import annotations

import msgspec


class Question(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Base of all arguments: an unknown one is refused, a misspelt option must not be a silent no."""
