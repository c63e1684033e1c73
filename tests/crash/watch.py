"""Watches a run from outside: recoveries, orphans, hung clusters, the database's return.

Reads the product's tables and /proc, writes nothing. A database that is away is
simply asked again.
"""

import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import psycopg

from tests.crash.cast import Cast
from tests.crash.stand import Stand

LOOK_SECONDS = 0.5
ORPHAN_SECONDS = 10
HELD = """
    select id, token, worker from integrations_syncrecord where state = 'running'
"""
RESUMED = """
    select id from integrations_syncrecord
    where id = any(%s) and (state <> 'running' or token > (%s::jsonb ->> id::text)::bigint)
"""
SHUT = """
    select coalesce(array_agg(r.id), '{}') from integrations_syncrecord r
    join integrations_connection c on c.id = r.target_connection_id
    where r.id = any(%s)
      and (c.state <> 'ready' or c.probe_at is not null or c.limited_until > now())
"""
MOVED = """
    select coalesce((select max(id) from integrations_attempt), 0)
         + coalesce((select sum(token) from integrations_syncrecord), 0)
"""
DUE = """
    select exists (select 1 from integrations_syncrecord
                   where state = 'waiting' and due_at < now())
"""


@dataclass(frozen=True)
class Recovery:
    """One record of a dead worker that somebody took up again."""

    record: int
    role: str
    killed_at: float
    seconds: float
    # How much of it nobody was to call the target: it was seen to be away.
    shut: float = 0.0


@dataclass
class Watch:
    """What was seen during a run; all durations in seconds."""

    stand: Stand
    cast: Cast
    recoveries: list[Recovery] = field(default_factory=list)
    database_returns: list[float] = field(default_factory=list)
    orphans: set[tuple[int, int]] = field(default_factory=set)
    restarts: dict[str, int] = field(default_factory=dict)
    looks: int = 0
    _session: "psycopg.Connection[Any] | None" = None
    _unread: list[tuple[float, str, set[int]]] = field(default_factory=list)
    _stuck: dict[int, tuple[int, float, str]] = field(default_factory=dict)
    _shut: dict[int, float] = field(default_factory=dict)
    _looked_at: float = 0.0
    _is_returning: bool = False
    _returned_at: tuple[float, int] | None = None
    _cut_off: dict[tuple[int, int], float] = field(default_factory=dict)
    _next_look: float = 0.0

    def killed(self, role: str, pids: set[int]) -> None:
        """Remember what the dead held; it has to be taken up by somebody else."""
        self._unread.append((time.monotonic(), role, pids))

    def database_started(self) -> None:
        """Measure, from the first answer on, how long until records move again."""
        self._is_returning, self._returned_at = True, None

    def tick(self) -> None:
        """Look once, at most twice a second; new deaths are read at once."""
        now = time.monotonic()
        if now < self._next_look and not self._unread:
            return
        self._next_look = now + LOOK_SECONDS
        self.looks += 1
        self._look_at_orphans(now)
        try:
            self._look_at_records(now)
        except psycopg.Error:
            self.forget_session()

    @property
    def waiting(self) -> int:
        """How many records of dead workers nobody has taken up yet."""
        return len(self._stuck)

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query; raises psycopg.Error."""
        if self._session is None or self._session.closed:
            self._session = psycopg.connect(
                self.stand.database.dsn, autocommit=True, connect_timeout=1
            )
        return self._session.execute(query, values or None).fetchall()

    def forget_session(self) -> None:
        if self._session is not None:
            with suppress(psycopg.Error):
                self._session.close()
        self._session = None

    def _look_at_records(self, now: float) -> None:
        deaths, self._unread = self._unread, []
        try:
            held = self.ask(HELD) if deaths else []
        except psycopg.Error:
            self._unread = deaths
            raise
        for at, role, pids in deaths:
            for record, token, worker in held:
                if _pids_in(worker) & pids:
                    self._stuck.setdefault(record, (token, at, role))
        self._look_at_stuck(now)
        self._look_at_database()

    def _look_at_stuck(self, now: float) -> None:
        since, self._looked_at = now - self._looked_at, now
        if not self._stuck:
            return
        tokens = psycopg.types.json.Jsonb(
            {str(record): token for record, (token, _, _) in self._stuck.items()}
        )
        for (record,) in self.ask(RESUMED, list(self._stuck), tokens):
            self._note_resumed(record)
        ((shut,),) = self.ask(SHUT, list(self._stuck))
        for record in shut:
            self._shut[record] = self._shut.get(record, 0.0) + since

    def _note_resumed(self, record: int) -> None:
        _, at, role = self._stuck.pop(record)
        took = time.monotonic() - at
        shut = min(self._shut.pop(record, 0.0), took)
        self.recoveries.append(Recovery(record, role, time.time() - took, took, shut))

    def _look_at_database(self) -> None:
        if not self._is_returning:
            return
        ((moved,),) = self.ask(MOVED)
        now = time.monotonic()
        at, before = self._returned_at = self._returned_at or (now, int(moved))
        if int(moved) > before:
            self.database_returns.append(now - at)
            self._is_returning = False
        elif not self.ask(DUE)[0][0]:
            self._is_returning = False

    def _look_at_orphans(self, now: float) -> None:
        seen = {(proc.pid, proc.started) for proc in self.cast.orphans()}
        self._cut_off = {key: self._cut_off.get(key, now) for key in seen}
        late = {
            key for key, since in self._cut_off.items() if now - since > ORPHAN_SECONDS
        }
        self.orphans |= late


def _pids_in(worker: str) -> set[int]:
    return {int(part) for part in worker.replace("/", ":").split(":") if part.isdigit()}
