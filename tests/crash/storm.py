"""The storm: faults for so many minutes, then calm, a drain limit, and the audit."""

import signal
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import psycopg

from tests.crash.cast import Cast
from tests.crash.driver import Driver
from tests.crash.events import ORDERS
from tests.crash.instants import Instants
from tests.crash.plan import Fault, faults
from tests.crash.stand import Stand
from tests.crash.watch import Watch

TICK_SECONDS = 0.05
INSTANT_SECONDS = 5.0
# After the storm: everything must have come to rest within this.
DRAIN_LIMIT_SECONDS = 420
# The shop's resends end by themselves; this is for a shop that hangs.
SHOP_LIMIT_SECONDS = 90
# What waits behind a record that a person must look at has come to rest too; what is
# to be sent once more, after a request that may land late, has not.
MOVING = """
    select (select count(*) from integrations_inboxevent where state = 'received')
         + (select count(*) from integrations_syncrecord r
            where state in ('waiting', 'running') or confirm_at is not null
            or state = 'held' and not exists (
                select 1 from integrations_syncrecord x
                where x.id = r.held_on_id and x.state = 'failed'))
"""


@dataclass
class Storm:
    """One storm over one stand."""

    stand: Stand
    seed: int
    seconds: float
    events: int
    faults: int
    kills: int
    orders: float = ORDERS
    drain_limit: float = DRAIN_LIMIT_SECONDS
    left: int = -1
    drain_seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    driver: Driver = field(init=False)
    watch: Watch = field(init=False)
    instants: Instants = field(init=False)
    _looked: float = 0.0

    def __post_init__(self) -> None:
        self.instants = Instants(self.stand.database.dsn)
        cast = Cast(self.stand)
        self.watch = Watch(self.stand, cast)
        self.driver = Driver(self.stand, cast, self.watch)

    def rage(self) -> None:
        """Play the shop and do the plan, then let everything come to rest."""
        shop = self._shop()
        begin = time.monotonic()
        for fault in faults(self.seed, self.faults, self.kills, self.seconds):
            self._pass_until(begin + fault.at)
            self._strike(fault)
        self._pass_until(begin + self.seconds)
        self.driver.calm()
        self._wait(lambda: not shop.is_alive, SHOP_LIMIT_SECONDS)
        self.driver.people.double_click()
        self._drain()

    def _shop(self) -> Any:
        hooks = [f"--hook={hook}" for hook in self.stand.hooks]
        return self.stand.child(
            "shop",
            *(sys.executable, "-m", "tests.crash.shop", f"--seed={self.seed}"),
            *(f"--events={self.events}", f"--seconds={self.seconds}"),
            f"--orders={self.orders}",
            f"--ledger={self.stand.ledger}",
            *hooks,
        )

    def _strike(self, fault: Fault) -> None:
        try:
            self.driver.strike(fault)
        except (OSError, RuntimeError) as error:
            self.notes.append(f"{fault.kind}: {error}")

    def _pass_until(self, moment: float) -> None:
        """Let time pass: keep the stand up, work off what is due, look around."""
        while True:
            self._tick()
            rest = moment - time.monotonic()
            if rest <= 0:
                return
            time.sleep(min(TICK_SECONDS, rest))

    def _tick(self) -> None:
        self.driver.tick()
        for name in self.stand.keep_alive():
            self.watch.restarts[name] = self.watch.restarts.get(name, 0) + 1
        if self.stand.database.process is not None:
            self.stand.database.keep_alive()
        self.watch.tick()
        self._look()

    def _look(self) -> None:
        """Ask every few seconds whether the invariants hold at this very moment."""
        if time.monotonic() - self._looked > INSTANT_SECONDS:
            self._looked = time.monotonic()
            self.instants.look()

    def _wait(self, done: Any, limit: float, pause: float = 0.3) -> bool:
        end = time.monotonic() + limit
        while not done() and time.monotonic() < end:
            self._pass_until(time.monotonic() + pause)
        return bool(done())

    def _drain(self) -> None:
        begin = time.monotonic()
        # The question counts through the whole inbox: asked more often, it is a load.
        self._wait(self._is_at_rest, self.drain_limit, pause=2.0)
        self.drain_seconds = time.monotonic() - begin
        # What the dead held at the very end has been taken up by now, or never is.
        self._pass_until(time.monotonic() + 1)

    def _is_at_rest(self) -> bool:
        try:
            ((self.left,),) = self.watch.ask(MOVING)
        except psycopg.Error:
            self.watch.forget_session()
            self.left = -1
        return self.left == 0 and not self.driver.people.are_busy

    def stop_politely(self) -> None:
        """Ask every worker group to stop with TERM; note who did not within 30 s."""
        for name in [name for name in self.stand.kept if name.startswith("group")]:
            self.stand.kept.remove(name)
            child = self.stand.children[name]
            begin = time.monotonic()
            alone = child.stop(30)
            took = time.monotonic() - begin
            if not alone:
                self.notes.append(f"{name} did not stop within 30 s of TERM")
            elif took > 30:
                self.notes.append(f"{name} took {took:.0f} s to stop")


def ends_on_term() -> None:
    """Turn TERM into an ordinary exit, so that the stand is cleared away."""

    def leave(*_: object) -> None:
        raise SystemExit(143)

    signal.signal(signal.SIGTERM, leave)
