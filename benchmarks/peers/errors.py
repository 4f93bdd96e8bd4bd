"""Why there are no figures of a peer."""

from __future__ import annotations


class NotHereError(Exception):
    """It is not installed, or cannot do it on this machine; the text is for people."""
