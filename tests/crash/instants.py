"""What must hold at every moment of a run: queries that may never return a row.

Each names the records that break an invariant right now; a run asks them over and
over, between its faults.
"""

from typing import Any

import psycopg

from tests.crash.findings import NO_DEADLINE, NO_LINE, UNCOUNTED, Findings

_OPEN_LINE = """
    select 1 from errorqueue_failedrecord l
    join django_content_type t on t.id = l.content_type_id
    where t.model = '{model}' and l.object_id = x.id::text
      and l.status in ('failed', 'waiting', 'retrying')"""
QUERIES = {
    (UNCOUNTED, "is worked on, and its crash count says nothing"): """
        select x.id from integrations_syncrecord x
        where x.state = 'running' and x.crashes = 0""",
    (UNCOUNTED, "is worked on without a lease"): """
        select x.id from integrations_syncrecord x
        where x.state = 'running' and x.lease_until is null""",
    (NO_DEADLINE, "held for another record without an end"): """
        select x.id from integrations_syncrecord x
        where x.state = 'held' and x.hold = 'record' and x.hold_until is null""",
    (NO_DEADLINE, "held for no reason"): """
        select x.id from integrations_syncrecord x
        where x.state = 'held' and x.hold_reason = ''""",
    (NO_LINE, "failed without an open line"): f"""
        select x.id from integrations_syncrecord x where x.state = 'failed'
        and not exists ({_OPEN_LINE.format(model="syncrecord")})""",  # noqa: S608
    (NO_LINE, "quarantined without an open line"): f"""
        select x.id from integrations_inboxevent x where x.state = 'quarantined'
        and not exists ({_OPEN_LINE.format(model="inboxevent")})""",  # noqa: S608
}


class Instants:
    """Asks all queries when told to; a database that is away is asked next time."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.findings = Findings()
        self.times = 0
        self._session: psycopg.Connection[Any] | None = None

    def look(self) -> None:
        try:
            self._ask()
        except psycopg.Error:
            self.close()

    def _ask(self) -> None:
        if self._session is None or self._session.closed:
            self._session = psycopg.connect(
                self.dsn, autocommit=True, connect_timeout=1
            )
        for (kind, text), query in QUERIES.items():
            for (key,) in self._session.execute(f"{query} limit 5").fetchall():
                self.findings.add(kind, f"{key}", text, {"look": self.times})
        self.times += 1

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session = None
