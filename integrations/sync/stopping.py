"""Whether the workers were asked to stop: shared by all processes of a cluster.

The event is made before the workers are forked, so they all see the same one.
"""

import multiprocessing

_fork = multiprocessing.get_context("fork")
_asked = _fork.Event()


def begin_unasked() -> None:
    """Make the event of a new cluster; nobody has asked it to stop."""
    global _asked
    _asked = _fork.Event()


def ask_to_stop() -> None:
    """Let drains end after the delivery in hand."""
    _asked.set()


def is_stopping() -> bool:
    return _asked.is_set()
