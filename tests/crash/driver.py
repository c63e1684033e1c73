"""Does what the plan says: kills, freezes, cuts, empties, arms and disturbs.

Never waits: what has to happen later (a thaw, the database's return) is put on a
list that `tick` works off. Each strike is written down as one line.
"""

import heapq
import json
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import count
from typing import Any

import psycopg

from tests.crash.cast import Cast
from tests.crash.people import People
from tests.crash.plan import Fault
from tests.crash.processes import Proc, send
from tests.crash.stand import VENDOR_SECONDS, Stand, post
from tests.crash.watch import Watch

# A victim that is being started again is waited for this long, in small steps.
PATIENCE = 25
STEP_SECONDS = 0.2
FREEZE_OF_FAILPOINT = 7.0
# So long a fault of proxy or vendor waits for a request to hit.
UNUSED_SECONDS = 0.5
# What a failpoint's file is called once somebody suffers it: place.pid.time.taken.
TAKEN = "*.*.*.*.taken"
NORMAL = {"latency": VENDOR_SECONDS}
# Parts whose end takes everything below with it.
WITH_FAMILY = ("guard", "supervisor", "web master")


@dataclass
class Driver:
    """Strikes a stand; `counts` says how often what was done, `missed` what could not."""

    stand: Stand
    cast: Cast
    watch: Watch
    people: People = field(init=False)
    counts: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    _later: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _order: Any = field(default_factory=count)
    _frozen: set[int] = field(default_factory=set)
    _seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.people = People(self.stand)

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        heapq.heappush(
            self._later, (time.monotonic() + seconds, next(self._order), act)
        )

    def tick(self) -> None:
        """Do what is due, and look after processes that a failpoint froze."""
        while self._later and self._later[0][0] <= time.monotonic():
            heapq.heappop(self._later)[2]()
        self._look_at_failpoints()

    def strike(self, fault: Fault, patience: int = PATIENCE) -> None:
        """Do one fault now, or soon when its victim is not there yet."""
        verb, _, what = fault.kind.partition(" ")
        act = {
            "kill": self._kill,
            "term": self._term,
            "freeze": self._freeze,
            "db": self._database,
            "broker": self._broker,
            "failpoint": self._failpoint,
            "proxy": self._proxy,
            "vendor": self._vendor,
            "people": self._people,
        }[verb]
        if act(what, fault):
            self._note(fault)
        elif patience:
            self.after(STEP_SECONDS, lambda: self.strike(fault, patience - 1))
        else:
            self.missed[fault.kind] += 1

    def _note(self, fault: Fault) -> None:
        self.counts[fault.kind] += 1
        line = json.dumps({"struck_at": time.time(), **asdict(fault)})
        with (self.stand.folder / "faults.jsonl").open("a") as file:
            file.write(f"{line}\n")

    def _victim(self, role: str, draw: float) -> Proc | None:
        found = self.cast.by_role()["supervisor" if role == "group" else role]
        return found[int(draw * len(found))] if found else None

    def _kill(self, role: str, fault: Fault) -> bool:
        victim = self._victim(role, fault.draw)
        if victim is None:
            return False
        family = self.cast.family(victim)
        struck = [proc for proc in family if role == "group"] or [victim]
        # From the top, so that nobody replaces what is struck next.
        done = [send(proc.pid, signal.SIGKILL) for proc in struck]
        lost = family if role in WITH_FAMILY or role == "group" else struck
        self.watch.killed(role, {proc.pid for proc in lost})
        return any(done)

    def _term(self, role: str, fault: Fault) -> bool:
        victim = self._victim(role, fault.draw)
        return victim is not None and send(victim.pid, signal.SIGTERM)

    def _freeze(self, role: str, fault: Fault) -> bool:
        victim = self._victim(role, fault.draw)
        if victim is None or not send(victim.pid, signal.SIGSTOP):
            return False
        self._thaw_later(victim.pid, fault.details["seconds"])
        return True

    def _thaw_later(self, pid: int, seconds: float) -> None:
        self._frozen.add(pid)
        self.after(seconds, lambda: self._thaw(pid))

    def _thaw(self, pid: int) -> None:
        self._frozen.discard(pid)
        # The id may have passed to a stranger meanwhile.
        if pid in self.stand.sight.look():
            send(pid, signal.SIGCONT)

    def _database(self, how: str, fault: Fault) -> bool:
        if how == "cut":
            return self._cut(fault.draw)
        database = self.stand.database
        if database.process is None or not database.is_ready():
            return False
        database.strike(signal.SIGQUIT if how == "stop" else signal.SIGKILL)
        self.after(fault.details["seconds"], self._database_back)
        return True

    def _database_back(self) -> None:
        self.stand.database.start()
        self.watch.database_started()

    def _cut(self, draw: float) -> bool:
        sessions = (
            "select pid from pg_stat_activity where datname = current_database() "
            "and pid <> pg_backend_pid() order by backend_start"
        )
        with suppress(psycopg.Error), self._session() as line:
            found = line.execute(sessions).fetchall()
            if found:
                victim = found[int(draw * len(found))]
                line.execute("select pg_terminate_backend(%s)", victim)
                return True
        return False

    def _broker(self, how: str, fault: Fault) -> bool:
        with suppress(psycopg.Error), self._session() as line:
            line.execute("delete from django_q_ormq")
            return True
        return False

    def _session(self) -> "psycopg.Connection[Any]":
        return psycopg.connect(
            self.stand.database.dsn, autocommit=True, connect_timeout=2
        )

    def _failpoint(self, what: str, fault: Fault) -> bool:
        self.arm(fault.details["place"], fault.details["way"])
        return True

    def arm(self, place: str, way: str) -> None:
        """Let the next process that passes `place` suffer `way`."""
        draft = self.stand.failpoints / f".{place}"
        draft.write_text(way)
        draft.rename(self.stand.failpoints / place)

    def _look_at_failpoints(self) -> None:
        for taken in self.stand.failpoints.glob(TAKEN):
            if taken.name in self._seen:
                continue
            self._seen.add(taken.name)
            place, pid = taken.name.rsplit(".", 3)[0:2]
            way = taken.read_text().strip()
            self.counts[f"failpoint hit {way.partition(':')[0]}"] += 1
            if way == "freeze":
                self._thaw_later(int(pid), FREEZE_OF_FAILPOINT)
            if way == "kill":
                self.watch.killed(f"failpoint {place}", {int(pid)})

    def _people(self, what: str, fault: Fault) -> bool:
        self.people.double_click()
        return True

    def _proxy(self, what: str, fault: Fault) -> bool:
        self.after(UNUSED_SECONDS, self._forget_unused)
        return post(f"{self.stand.url('control')}/fault", fault.details)

    def _forget_unused(self) -> None:
        """Faults that met no request are over: a storm does not save them up."""
        post(f"{self.stand.url('control')}/clear", {})
        post(self.stand.vendor_control("faults"), None, method="DELETE")

    def _vendor(self, what: str, fault: Fault) -> bool:
        details = dict(fault.details)
        seconds = details.pop("seconds", 0)
        house = self.stand.vendor_control
        if "revoke" in details:
            self.after(seconds, lambda: self._settle("access", {"allowed": True}))
            return post(house("access"), {"allowed": False})
        if "latency" in details:
            self.after(seconds, lambda: self._settle("settings", NORMAL))
            return post(house("settings"), details)
        self.after(UNUSED_SECONDS, self._forget_unused)
        return post(house("faults"), {"path": "/record/", **details})

    def _settle(self, what: str, body: dict[str, Any]) -> None:
        if not post(self.stand.vendor_control(what), body):
            self.after(1, lambda: self._settle(what, body))

    def calm(self) -> None:
        """End all faults: thaw, disarm, and let vendors and lines be well again."""
        while self._later:
            heapq.heappop(self._later)[2]()
        for armed in self.stand.failpoints.iterdir():
            if not armed.match(TAKEN):
                armed.unlink(missing_ok=True)
        self._look_at_failpoints()
        for pid in list(self._frozen):
            self._thaw(pid)
        self._forget_unused()
        self._settle("access", {"allowed": True})
        self._settle("settings", NORMAL)
        if self.stand.database.process is None:
            self.stand.database.start()
