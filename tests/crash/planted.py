"""Plants one bug after the other and says how the harness saw it.

A bug that goes unseen is a fault of the harness: then this run fails. The first scene
has no bug, and all the faults: it must be clean.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random

from tests.crash import findings as kinds
from tests.crash.auditor import audit, search_secrets
from tests.crash.events import Stream
from tests.crash.findings import Findings
from tests.crash.instants import Instants
from tests.crash.plan import Fault
from tests.crash.stand import CONFIGURATION, STAGE, Stand
from tests.crash.storm import Storm

SETTINGS = "tests.crash.planted_settings"
SECONDS, EVENTS = 20.0, 160
# On a busy machine the work goes on long after the shop fell silent; so do faults.
FAULT_SECONDS = 45.0
DRAIN_SECONDS = 45
LOOK_SECONDS = 0.15


@dataclass(frozen=True)
class Repeated:
    """A fault that comes again and again, every so many seconds."""

    every: float
    fault: Fault


def failpoint(place: str, way: str, every: float = 2.0) -> Repeated:
    return Repeated(every, Fault(0, "failpoint", 0, {"place": place, "way": way}))


def proxy(kind: str, path: str, every: float = 2.0, seconds: float = 1) -> Repeated:
    details = {"kind": kind, "times": 1, "seconds": seconds, "path": path}
    return Repeated(every, Fault(0, "proxy", 0, details))


def vendor(every: float, **details: object) -> Repeated:
    return Repeated(every, Fault(0, "vendor", 0, dict(details)))


@dataclass(frozen=True)
class Scene:
    """A planted bug, the faults that bring it to light, and what shows it."""

    bug: str
    faults: tuple[Repeated, ...] = ()
    shows: tuple[str, ...] = ()
    # Struck when the shop has fallen silent, so that no event rings any more.
    last: tuple[Fault, ...] = ()
    publishes: bool = False
    # Seconds between rest and audit: what the vendor still works on lands meanwhile.
    patience: float = 0


BROKER = Repeated(1.0, Fault(0, "broker empty", 0))
LOST_ORDERS = proxy("lost_response", "salesOrder", 1.0)
KILL_WEB = Repeated(1.5, Fault(0, "kill web", 0.5))
SCENES = (
    Scene(
        "",
        (
            *(BROKER, LOST_ORDERS, KILL_WEB),
            failpoint("call.end", "freeze", 5),
            failpoint("outcome.after_commit", "kill", 3),
            vendor(4, late=3.0, times=2),
        ),
    ),
    Scene("answer before commit", (KILL_WEB,), (kinds.LOST,)),
    Scene(
        "no lease token check",
        (failpoint("call.end", "freeze", 3), vendor(3, latency=0.4, seconds=2)),
        (kinds.OLD_TOKEN, kinds.UNAUDITED, kinds.STALE, kinds.DUPLICATED),
    ),
    Scene("random external id", (), (kinds.UNNAMED,)),
    Scene("no look-up after unknown", (LOST_ORDERS,), (kinds.DUPLICATED,)),
    Scene("stale mapping", (), (kinds.OLD_MAPPING,), publishes=True),
    Scene("attempts counted after work", (), (kinds.UNCOUNTED,)),
    Scene(
        "sweeper off",
        (vendor(60, latency=2, seconds=90),),
        (kinds.STUCK,),
        last=(Fault(0, "kill group", 0.5), Fault(0, "broker empty", 0)),
    ),
    Scene("dedupe by header only", (), (kinds.DUPLICATED,)),
    Scene(
        "alert inside the sync transaction",
        (vendor(2, name="UNEXPECTED_ERROR", times=2),),
        (kinds.STUCK, kinds.OVER_LIMIT),
    ),
    Scene(
        "secret in an exception text",
        (vendor(2, name="UNEXPECTED_ERROR", times=2),),
        (kinds.SECRET,),
    ),
    Scene("older version overwrites", (), (kinds.STALE, kinds.LOST)),
    Scene(
        "hold without deadline",
        (proxy("black_hole", "customer", 1, 2),),
        (kinds.NO_DEADLINE,),
    ),
    Scene(
        "audit row in a second transaction",
        (failpoint("outcome.after_commit", "kill", 1),),
        (kinds.UNAUDITED,),
    ),
    Scene("upsert for orders", (LOST_ORDERS,), (kinds.DUPLICATED,)),
    Scene(
        "late requests forgotten",
        (vendor(0.5, late=8.0, times=4, path="/customer"),),
        (kinds.STALE,),
        patience=9,
    ),
)


@dataclass
class Act(Storm):
    """A short storm of the scene's own faults, looked at all the time."""

    scene: Scene = SCENES[0]
    instants: Instants = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.instants = Instants(self.stand.database.dsn)

    def rage(self) -> None:
        shop = self._shop()
        begin = time.monotonic()
        if self.scene.publishes:
            self._pass_until(begin + self.seconds / 3)
            publish(self.stand)
        for fault in planned(self.scene, self.seed, FAULT_SECONDS):
            self._pass_until(begin + fault.at)
            if not shop.is_alive and self._is_at_rest():
                break
            self._strike(fault)
        self._pass_until(begin + self.seconds)
        if self.scene.last:
            self._wait(lambda: not shop.is_alive, DRAIN_SECONDS)
        for fault in self.scene.last:
            self._strike(fault)
        self.driver.calm()
        self._wait(lambda: not shop.is_alive, DRAIN_SECONDS)
        if not self._wait(self._is_at_rest, DRAIN_SECONDS):
            text = f"{self.left} are not at rest after {DRAIN_SECONDS} s"
            self.instants.findings.add(kinds.STUCK, "the whole stand", text, {})
        self._pass_until(time.monotonic() + self.scene.patience)
        self.instants.close()

    def _tick(self) -> None:
        super()._tick()
        self.instants.look()


def publish(stand: Stand) -> None:
    """Publish new versions of the mappings that map alike, by the product's command."""
    shipped = (CONFIGURATION / "mappings.yaml").read_text()
    changed = stand.folder / "mappings.yaml"
    changed.write_text(shipped.replace("note: The", "note: Changed. The"))
    names = (CONFIGURATION / "roles.yaml", changed, STAGE)
    stand._manage("configure", *(str(name) for name in names))


def planned(scene: Scene, seed: int, seconds: float) -> list[Fault]:
    """Return the scene's faults in their order, victims drawn by the seed."""
    chance = Random(f"{seed} {scene.bug}")
    found = [
        Fault(at * one.every + 2, one.fault.kind, chance.random(), one.fault.details)
        for one in scene.faults
        for at in range(max(1, int((seconds - 2) / one.every)))
    ]
    return sorted(found, key=lambda fault: fault.at)


@dataclass(frozen=True)
class Seen:
    """How a scene ended."""

    scene: Scene
    findings: Findings
    seconds: float

    @property
    def is_right(self) -> bool:
        if not self.scene.bug:
            return self.findings.is_clean
        return any(self.findings.counts[kind] for kind in self.scene.shows)

    def row(self) -> str:
        found = self.findings.counts
        how = ", ".join(f"{kind} {found[kind]}" for kind in sorted(found)) or "nothing"
        verdict = "ok  " if self.is_right else "FAIL"
        return (
            f"{verdict} {self.scene.bug or '(no bug)':<36} {self.seconds:4.0f} s  {how}"
        )


def play(scene: Scene, seed: int, show: Callable[[str], None] = print) -> Seen:
    """Run one scene on a stand of its own."""
    begin, seed = time.monotonic(), with_errors(seed)
    extra = {"PLANTED_BUG": scene.bug}
    stand = Stand(seed, settings=SETTINGS, groups=1, webs=1, extra=extra)
    with stand:
        act = Act(stand, seed, SECONDS, EVENTS, 0, 0, scene=scene)
        act.rage()
        found = audit(stand.folder, stand.database.dsn)
        found.take_in(act.instants.findings)
        _search(found, stand)
    seen = Seen(scene, found, time.monotonic() - begin)
    if seen.is_right:
        stand.clear()
    else:
        show(f"{scene.bug or '(no bug)'}: {stand.folder}\n{found.text()}")
    return seen


def with_errors(seed: int) -> int:
    """Return the first seed from here on whose few events hold two that must fail."""
    return next(
        one
        for one in count(seed)
        if sum(event.fate == "error" for event in Stream(one, EVENTS)) >= 2
    )


def _search(found: Findings, stand: Stand) -> None:
    names = ("DEMO_SHOPIFY_CLIENT_SECRET", "DEMO_NETSUITE_PRIVATE_KEY")
    logs = sorted((stand.folder / "logs").glob("*.log"))
    secrets = {name: stand.environment[name] for name in names}
    search_secrets(found, stand.database.dsn, logs, secrets)


def run_all(seed: int, only: Sequence[str] = ()) -> list[Seen]:
    """Play all scenes, or those whose bug contains one of the words."""
    seen = []
    for scene in SCENES:
        name = scene.bug or "(no bug)"
        if not only or any(word in name for word in only):
            seen.append(play(scene, seed))
            print(seen[-1].row(), flush=True)
    return seen


def run(options: argparse.Namespace) -> int:
    """Print the table bug → how it was seen; 1 when one went unseen."""
    seen = run_all(options.seed, options.only)
    right = sum(one.is_right for one in seen)
    print(
        f"planted bugs: seed {options.seed}, {right} of {len(seen)} as they should be"
    )
    return int(right < len(seen))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="tests.crash.planted")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=[])
    sys.exit(run(parser.parse_args()))
