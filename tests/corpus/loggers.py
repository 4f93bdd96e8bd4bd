"""Loggers that the function has set since import: they are set so after a move too."""

import logging

logger = logging.getLogger("corpus.loggers")


def quieter():
    seen = [logger.level, logger.isEnabledFor(logging.WARNING)]
    logger.setLevel(logging.ERROR)
    other = logging.getLogger("corpus.loggers.inner")
    other.propagate = False
    other.disabled = True
    seen += [logger.isEnabledFor(logging.WARNING), other.getEffectiveLevel()]
    logger.setLevel(logging.NOTSET)
    seen += [logger.level, other.propagate, other.disabled]
    other.propagate, other.disabled = True, False
    return seen


def disabled_for_a_while():
    seen = []
    logging.disable(logging.CRITICAL)
    for level in (logging.INFO, logging.CRITICAL):
        seen.append(logger.isEnabledFor(level))
    logging.disable(logging.NOTSET)
    seen.append(logger.isEnabledFor(logging.CRITICAL))
    return seen


def main():
    return quieter(), disabled_for_a_while()
