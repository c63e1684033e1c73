"""How a bell is rung on PostgreSQL: in one message, without waiting for anybody.

Many writers ring one bell, and one reader answers it *before* it looks for work. Two
rules keep an event from being missed between the two:

1.  A writer takes the lane's advisory lock, shared, and then reads the bell in a
    statement of its own, hence with a fresh snapshot. It keeps the lock until its
    transaction has ended, and PostgreSQL shows a commit before it frees its locks.
2.  The reader takes the same lock alone to silence the bell. So whoever saw "rung"
    has committed by then and is found by the look that follows; whoever reads the
    bell later sees it silent and rings.

Shared locks do not exclude each other and write nothing: a pending bell costs its
writers one look. While one writer is ringing, the others pass by (SKIP LOCKED); only
if that one fails to commit does the wake-up have to come from the sweeper.
"""

from functools import lru_cache
from uuid import uuid4

from django.conf import settings
from django.utils import timezone
from django_q.signing import SignedPackage

from integrations.models.message import Part, Value

# The class of our advisory locks, so that they meet nobody else's.
SPACE = 7105

HOLD_BACK = f"SELECT pg_advisory_xact_lock_shared({SPACE}, hashtext(%(lane)s))"
STAND_ALONE = f"SELECT pg_advisory_xact_lock({SPACE}, hashtext(%(lane)s))"
RING = """
    WITH silent AS (
        SELECT lane FROM integrations_bell
        WHERE lane = %(lane)s AND (rung_at IS NULL
            OR rung_at < clock_timestamp() - %(stale)s * interval '1 second')
        FOR UPDATE SKIP LOCKED
    ), again AS (
        UPDATE integrations_bell AS bell SET rung_at = clock_timestamp()
        FROM silent WHERE bell.lane = silent.lane RETURNING bell.lane
    ), first_time AS (
        INSERT INTO integrations_bell (lane, rung_at)
        SELECT %(lane)s, clock_timestamp() WHERE NOT EXISTS (
            SELECT FROM integrations_bell WHERE lane = %(lane)s)
        ON CONFLICT DO NOTHING RETURNING lane
    )
    INSERT INTO django_q_ormq (key, payload, lock)
    SELECT %(queue)s, %(package)s, clock_timestamp()
    FROM (SELECT lane FROM again UNION ALL SELECT lane FROM first_time) AS rung
"""  # noqa: S608 (constants only)


def parts(lane: str, task: str, *args: int) -> tuple[Part, Part]:
    """Return what rings a bell, to be sent in one message; the last one rings."""
    values: dict[str, Value] = {
        "lane": lane,
        "queue": settings.Q_CLUSTER["name"],
        "package": package(task, *args),
        "stale": settings.BELL_SECONDS,
    }
    return Part(HOLD_BACK, values), Part(RING, values)


@lru_cache(maxsize=1024)
def package(task: str, *args: int) -> str:
    """Return a signed task as django-q2 puts it; made once in the life of a process.

    It says the same each time, so two of one kind may share an id.
    """
    task_id = uuid4().hex
    return SignedPackage.dumps(
        {
            "id": task_id,
            "name": task.rpartition(".")[2],
            "func": task,
            "args": args,
            "kwargs": {},
            "ack_failure": True,
            "started": timezone.now(),
        }
    )
