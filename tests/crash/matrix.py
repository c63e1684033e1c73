"""Each failpoint × each way to fail, on one running stand.

A cell arms its place, sets something going that passes it, and waits until all has
come to rest; a few cells at a time, at different places. At the end the whole stand
is audited, and each finding stands at the cell whose object it is about.

Ways: `kill`, `freeze` for longer than a lease, `raise`, `slow` for 2 s, `lag` for
longer than a lease; and for the calls `lost`: handled by the vendor, answer lost.
"""

import argparse
import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

import psycopg

from tests.crash import plan
from tests.crash.auditor import audit
from tests.crash.driver import Driver, post
from tests.crash.events import ORDER_BASE, Event, Stream
from tests.crash.findings import Finding, Findings
from tests.crash.instants import Instants
from tests.crash.ledger import Ledger
from tests.crash.shop import Delivery, Sender, line_of
from tests.crash.stand import ROOT, Stand
from tests.crash.storm import Storm

# A click is a process of its own, so a storm strikes it as a person's matter.
PLACES = (*plan.PLACES, "alert.plan", "alert.sent", "retry.click")
ALERTER = ("alert.row", "alert.plan", "alert.send", "alert.sent")
WAYS = {"kill": "kill", "freeze": "freeze", "raise": "raise", "slow": "slow:2"}
WAYS["lag"] = "slow:8"
CALLS = ("call.start", "call.end", "outcome.before_commit", "intent.after_commit")
TOGETHER = 5
# How long a place is waited for, and how long until all is at rest again.
PASS_SECONDS, REST_SECONDS = 12, 75
RETRY = """
from errorqueue.models import FailedRecord
from errorqueue.services import retry
retry(FailedRecord.objects.filter(status="failed").earliest("pk"))
"""
SLOT_AGAIN = """
    with seal as (select id from integrations_schedule where job = 'seal'),
    gone as (delete from integrations_scheduleslot where schedule_id in
             (select id from seal))
    update integrations_schedule set since = now() - interval '10 minutes'
    where id in (select id from seal)
"""


@dataclass
class Cell:
    """One place and one way to fail, and how it went."""

    place: str
    way: str
    objects: list[str] = field(default_factory=list)
    struck: bool = False
    seconds: float = 0.0
    at_rest: bool = False
    findings: list[Finding] = field(default_factory=list)

    @property
    def word(self) -> str:
        if self.findings:
            return self.findings[0].kind
        if not self.struck:
            return "not passed"
        return f"ok {self.seconds:.0f} s" if self.at_rest else "NO REST"

    @property
    def is_right(self) -> bool:
        return self.struck and self.at_rest and not self.findings


def cells(places: Sequence[str] = PLACES) -> list[Cell]:
    """Return all cells, way by way, so that neighbours strike different places."""
    whole = [Cell(place, way) for way in WAYS for place in places]
    whole += [Cell(place, "lost") for place in CALLS if place in places]
    return whole


class Shop:
    """Sends the events that cells need, and keeps the ledger of it."""

    def __init__(self, stand: Stand, seed: int) -> None:
        self.stream = Stream(seed, 0)
        self.ledger = Ledger(stand.ledger)
        secret = stand.environment["DEMO_SHOPIFY_CLIENT_SECRET"]
        self.sender = Sender(stand.hooks, secret, self.ledger, seed)
        self.number = 0
        for _ in range(6):
            threading.Thread(target=self.sender.run, daemon=True).start()

    def order(self, fate: str = "deliver") -> list[str]:
        """Send the first order of a new customer; return the ids of both."""
        person = self.stream._newcomer()
        self._send(self.stream._customer(self._next(), person))
        number = self._next()
        order = ORDER_BASE + number
        self._send(self.stream._order_event(number, order, 1, person, fate))
        return [str(person.number), str(order)]

    def _next(self) -> int:
        self.number += 1
        return self.number

    def _send(self, event: Event) -> None:
        self.ledger.write(line_of(event))
        name = f"matrix-{event.name}"
        self.sender.put(time.monotonic(), Delivery(event, name, ""))

    @property
    def is_quiet(self) -> bool:
        return not self.sender.open


class Matrix:
    """Runs cells on one stand."""

    def __init__(self, stand: Stand, seed: int) -> None:
        self.stand = stand
        self.storm = Storm(stand, seed, 0, 0, 0, 0)
        self.driver: Driver = self.storm.driver
        self.shop = Shop(stand, seed)
        self.instants = Instants(stand.database.dsn)
        self.lost_before = 0
        self.triggers: dict[str, Callable[[], list[str]]] = {
            "queue.capture": lambda: self.shop.order("error"),
            "retry.click": self._retry,
            "token.fetch": self._expire_token,
            "schedule.slot": lambda: self._change(SLOT_AGAIN),
            "poll.page": lambda: self._change(
                "update integrations_flow set polled_at = null where poll_minutes > 0"
            ),
            "hold.before_commit": self._slow_customer,
            "hold.wake": self._slow_customer,
            **dict.fromkeys(ALERTER, self._refuse_role),
        }

    def warm_up(self) -> None:
        """Have one order delivered and one in the error queue before it begins."""
        self.shop.order()
        self.shop.order("error")
        self._rest()

    def play(self, batch: Sequence[Cell]) -> None:
        """Strike some cells together and wait until all is at rest."""
        begin = time.monotonic()
        for cell in batch:
            self._arm(cell)
        for cell in batch:
            cell.objects = self._trigger(cell)
        self._wait(lambda: all(map(self._is_struck, batch)), PASS_SECONDS)
        at_rest = self._rest()
        for cell in batch:
            cell.struck = self._is_struck(cell)
            cell.at_rest = at_rest
            cell.seconds = time.monotonic() - begin
        self.driver.calm()

    def _arm(self, cell: Cell) -> None:
        if cell.way == "lost":
            self.lost_before = self._lost()
            fault = {"kind": "lost_response", "times": 1, "path": "salesOrder"}
            post(f"{self.stand.url('control')}/fault", fault)
        else:
            self.driver.arm(cell.place, WAYS[cell.way])

    def _is_struck(self, cell: Cell) -> bool:
        if cell.way == "lost":
            return self._lost() > self.lost_before
        return not (self.stand.failpoints / cell.place).exists()

    def _lost(self) -> int:
        """How many answers the proxy has lost so far."""
        with urllib.request.urlopen(f"{self.stand.url('control')}/counts") as answer:
            return int(json.load(answer).get("lost_response", 0))

    def _trigger(self, cell: Cell) -> list[str]:
        return self.triggers.get(cell.place, self.shop.order)()

    def _retry(self) -> list[str]:
        """Press Retry for the oldest failed line, in a process of its own."""
        manage = [sys.executable, str(ROOT / "manage.py"), "shell", "-c", RETRY]
        environment = self.stand.environment
        # It is struck on purpose, so its end says nothing.
        subprocess.Popen(
            manage,
            env=environment,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return []

    def _expire_token(self) -> list[str]:
        self._change("update integrations_token set expires_at = null")
        return self.shop.order()

    def _slow_customer(self) -> list[str]:
        """Let the customer take so long that the order comes first, and waits."""
        house = f"{self.stand.url('netsuite')}/_simulator/faults"
        post(house, {"latency": 1.5, "times": 2, "path": "/customer"})
        return self.shop.order()

    def _refuse_role(self) -> list[str]:
        house = f"{self.stand.url('netsuite')}/_simulator/faults"
        post(house, {"name": "ROLE_PERMISSION", "times": 1, "path": "/salesOrder"})
        return self.shop.order()

    def _change(self, command: str) -> list[str]:
        with psycopg.connect(self.stand.database.dsn, autocommit=True) as line:
            line.execute(command)
        return []

    def _rest(self) -> bool:
        return self._wait(self._is_at_rest, REST_SECONDS)

    def _is_at_rest(self) -> bool:
        return self.shop.is_quiet and self.storm._is_at_rest()

    def _wait(self, done: Callable[[], bool], limit: float) -> bool:
        end = time.monotonic() + limit
        while not done() and time.monotonic() < end:
            self.storm._pass_until(time.monotonic() + 0.15)
            self.instants.look()
        return done()


def play_all(stand: Stand, chosen: Sequence[Cell], seed: int) -> Findings:
    """Play cells a few at a time, and hand each finding to its cell."""
    matrix = Matrix(stand, seed)
    matrix.warm_up()
    batches = [chosen[x : x + TOGETHER] for x in range(0, len(chosen), TOGETHER)]
    for batch in batches:
        _play(matrix, batch)
    # A neighbour's death may have kept others from getting there: now alone.
    for cell in [cell for cell in chosen if not cell.struck]:
        _play(matrix, [cell])
    matrix.instants.close()
    found = audit(stand.folder, stand.database.dsn)
    found.take_in(matrix.instants.findings)
    _share_out(found, chosen)
    return found


def _play(matrix: Matrix, batch: Sequence[Cell]) -> None:
    matrix.play(batch)
    shown = ", ".join(f"{one.place} {one.way}: {one.word}" for one in batch)
    print(f"  {shown}", flush=True)


def _share_out(found: Findings, chosen: Sequence[Cell]) -> None:
    for shown in found.examples.values():
        for finding in shown:
            for cell in chosen:
                if any(name in finding.subject for name in cell.objects):
                    cell.findings.append(finding)


def table(chosen: Sequence[Cell]) -> str:
    """Return the table place × way."""
    ways = [*WAYS, "lost"]
    words = {(cell.place, cell.way): cell.word for cell in chosen}
    rows = [f"{'place':<22}" + "".join(f"{way:<20}" for way in ways)]
    for place in PLACES:
        row = "".join(f"{words.get((place, way), '–'):<20}" for way in ways)
        rows.append(f"{place:<22}{row}")
    return "\n".join(row.rstrip() for row in rows)


def run(options: argparse.Namespace) -> int:
    """Print the table; 1 when a cell or the whole stand has a finding."""
    wanted = [x for x in cells() if _is_wanted(x, options.only)]
    sample = getattr(options, "sample", 0) or len(wanted)
    if sample < len(wanted):
        wanted = Random(f"{options.seed} matrix").sample(wanted, sample)
        wanted.sort(
            key=lambda cell: list(WAYS).index(cell.way) if cell.way in WAYS else 9
        )
    stand = Stand(options.seed)
    print(
        f"seed {options.seed}, {len(wanted)} cells, folder {stand.folder}", flush=True
    )
    begin = time.monotonic()
    with stand:
        found = play_all(stand, wanted, options.seed)
    print(table(wanted))
    print(found.text())
    right = sum(cell.is_right for cell in wanted)
    silent = sum(not cell.struck for cell in wanted)
    print(
        f"matrix: seed {options.seed}  cells {len(wanted)}  ok {right}  "
        f"not passed {silent}  {time.monotonic() - begin:.0f} s"
    )
    is_right = found.is_clean and right + silent == len(wanted)
    if is_right:
        stand.clear()
    return int(not is_right)


def _is_wanted(cell: Cell, only: Sequence[str]) -> bool:
    name = f"{cell.place} {cell.way}"
    return not only or any(word in name for word in only)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="tests.crash.matrix", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sample", type=int, default=0, help="Only so many cells.")
    parser.add_argument("--only", nargs="*", default=[])
    sys.exit(run(parser.parse_args()))
