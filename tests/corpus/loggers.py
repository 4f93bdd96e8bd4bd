"""Loggers that the function has set since import: they are set so after a move too."""

import logging

log = logging.getLogger("corpus.loggers")


def quieter():
    seen = [log.level, log.isEnabledFor(logging.WARNING)]
    log.setLevel(logging.ERROR)
    other = logging.getLogger("corpus.loggers.inner")
    other.propagate = False
    other.disabled = True
    seen += [log.isEnabledFor(logging.WARNING), other.getEffectiveLevel()]
    log.setLevel(logging.NOTSET)
    seen += [log.level, other.propagate, other.disabled]
    other.propagate, other.disabled = True, False
    return seen


def disabled_for_a_while():
    seen = []
    logging.disable(logging.CRITICAL)
    for level in (logging.INFO, logging.CRITICAL):
        seen.append(log.isEnabledFor(level))
    logging.disable(logging.NOTSET)
    seen.append(log.isEnabledFor(logging.CRITICAL))
    return seen
