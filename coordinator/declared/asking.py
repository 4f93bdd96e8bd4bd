"""From what a file declares to the question about it."""

from __future__ import annotations

from coordinator.declared.file import Declared
from coordinator.views.changed import ApplyAsk


def ask(owner: str, declared: Declared) -> ApplyAsk:
    """Returns the question about one function, with its source.

    Args:
        owner: the folder's name.
        declared: what its file says.

    Raises:
        SourceError: the source is not there or cannot be used.
    """
    source = declared.source()
    main = source.main_file
    return ApplyAsk(
        instance=declared.name,
        owner=owner,
        files={main: source.files[main], **source.files},
        function=declared.function,
        arguments=dict(declared.arguments),
        hub=declared.hub,
        settings=dict(declared.settings),
    )
