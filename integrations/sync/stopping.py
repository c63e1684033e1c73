"""Whether the workers were asked to stop: shared by all processes of a cluster.

The event is made before the workers are forked, so they all see the same one.
"""

import multiprocessing

_asked = multiprocessing.get_context("fork").Event()


def ask_to_stop() -> None:
    """Let drains end after the delivery in hand."""
    _asked.set()


def is_stopping() -> bool:
    return _asked.is_set()
