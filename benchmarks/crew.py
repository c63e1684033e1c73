"""Several processes of our own that begin a measurement at the same moment."""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from integrations.management.processes import die_with_parent


@dataclass(frozen=True)
class Finish:
    """What one member did: how many, between which moments, and details."""

    count: int
    began: float
    ended: float
    details: Any = None


# Called in its own process; gets ready, then waits at the barrier, then works.
Member = Callable[[Callable[[], None], Any], Finish]


def together(member: Member, arguments: Sequence[Any]) -> list[Finish]:
    """Run one process for each argument; all begin when the last is ready."""
    from django.db import connections

    connections.close_all()  # a fork must not share a line with us
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(len(arguments))
    pipes = [context.Pipe(duplex=False) for _ in arguments]
    processes = [
        context.Process(target=_run, args=(member, one, barrier, pipe[1]), daemon=True)
        for one, pipe in zip(arguments, pipes, strict=True)
    ]
    for process in processes:
        process.start()
    for _, sender in pipes:
        sender.close()
    finishes = [receiver.recv() for receiver, _ in pipes]
    for process in processes:
        process.join()
    return finishes


def _run(member: Member, argument: Any, barrier: Any, sender: Connection) -> None:
    die_with_parent()
    sender.send(member(barrier.wait, argument))


def rate(finishes: Sequence[Finish]) -> float:
    """Return how many a second all did, from the first start to the last end."""
    seconds = max(one.ended for one in finishes) - min(one.began for one in finishes)
    return sum(one.count for one in finishes) / seconds


def timed(ready: Callable[[], None], work: Callable[[], int]) -> Finish:
    """Wait for the others, then count what `work` does."""
    ready()
    began = time.monotonic()
    count = work()
    return Finish(count, began, time.monotonic())
