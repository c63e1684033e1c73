"""The block at the end of a run, and its machine-readable twin."""

import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tests.crash.findings import MAIN, OVER_LIMIT, SECRET, Findings
from tests.crash.stand import ROOT
from tests.crash.storm import Storm
from tests.crash.watch import Recovery

# Goals of issue 3 in seconds: dead worker, hung cluster, database.
RECOVERY_P99, HUNG_MOST, DATABASE_MOST = 30, 60, 30
STATES = ("delivered", "error queue", "hold", "pending", "set aside", "superseded")
# How the library's log names a write that came too late.
LATE = re.compile(r"taken over by another|had lost it|lost its claim|too late")
FAMILIES = {
    "web kill": ("kill web", "kill web master"),
    "worker kill": (
        *("kill worker", "kill pusher", "kill monitor"),
        *("kill group", "kill supervisor"),
    ),
    "guard kill": ("kill guard",),
    "failpoint kill": ("failpoint hit kill",),
    "term": ("term worker", "term group"),
    "freeze": (
        *("freeze web", "freeze worker", "freeze guard", "freeze pusher"),
        *("freeze monitor", "failpoint hit freeze"),
    ),
    "failpoint": ("failpoint hit raise", "failpoint hit slow"),
    "db stop": ("db stop", "db kill"),
    "db cut": ("db cut",),
    "broker": ("broker empty",),
    "proxy": ("proxy",),
    "vendor": ("vendor",),
    "clock": (),
    "people": ("people click",),
}
KILLS = ("web kill", "worker kill", "guard kill", "failpoint kill")
FIGURES = {
    "alerts": "select count(*) from errorqueue_alert where sent_at is not null",
    "incidents": "select count(*) from errorqueue_alert",
    "hung": "select count(*) from integrations_workergroup where end_reason like 'Stood still%'",
    "hung_most": """
        select coalesce(max(extract(epoch from
            ended_at - greatest(canary_at, started_at))), 0)::float8
        from integrations_workergroup where end_reason like 'Stood still%'""",
    "groups": "select count(*) from integrations_workergroup",
}


@dataclass
class Report:
    """Everything a run has to say; `broken` names each promise that did not hold."""

    seed: int
    minutes: float
    events: int
    commit: str
    findings: Findings
    faults: dict[str, int]
    missed: dict[str, int]
    recoveries: list[Recovery]
    database_returns: list[float]
    orphans: int
    drain_seconds: float
    left: int
    late_writes: int
    looks: int
    figures: dict[str, float]
    load: float
    notes: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        return sum(self.faults[name] for name in KILLS)

    @property
    def waits(self) -> list[float]:
        """Seconds from each death to its record's next step, outages left out.

        Nothing is claimed for a target that is known to be away.
        """
        return [one.seconds - one.shut for one in self.recoveries]

    @property
    def broken(self) -> list[str]:
        found = [f"{kind} {count}" for kind, count in self.findings.counts.items()]
        if self.left:
            found.append(f"{self.left} not at rest after the drain limit")
        if self.orphans:
            found.append(f"{self.orphans} orphans")
        return found + self.notes

    @property
    def slow(self) -> list[str]:
        """The goals in seconds that were missed: they fail no run.

        A machine that is busy with something else makes everything late, and a
        promise kept late is kept.
        """
        return [
            f"{name} {value:.0f} s, the goal is {most} s"
            for name, value, most in (
                ("recovery p99", percentile(self.waits, 0.99), RECOVERY_P99),
                ("hung cluster", self.figures["hung_most"], HUNG_MOST),
                ("database", max(self.database_returns, default=0), DATABASE_MOST),
            )
            if value > most
        ]

    @property
    def verdict(self) -> str:
        return "FAIL" if self.broken else "PASS"

    def text(self) -> str:
        """Return the block, and below it what was broken."""
        rows = [
            f"commit {self.commit} seed {self.seed} profile fast "
            f"minutes {self.minutes} machine {os.cpu_count()} cores "
            f"(load {self.load:.1f})",
            self._events(),
            self._states(),
            "  ".join(f"{kind} {self.findings.counts[kind]}" for kind in MAIN),
            self._faults(),
            self._unknown(),
            self._late(),
            self._recovery(),
            f"alerts sent {self.figures['alerts']:.0f}  "
            f"incidents {self.figures['incidents']:.0f}",
            self._others(),
            f"reconciliation difference {self.difference}   "
            f"drain {self.drain_seconds:.0f} s   verdict {self.verdict}",
        ]
        rows += [f"  broken: {text}" for text in self.broken]
        return "\n".join(rows + [f"  slow: {text}" for text in self.slow])

    @property
    def difference(self) -> int:
        """Acknowledged events less those found in a state."""
        sums = self.findings.sums
        known = sum(sums[state] for state in (*STATES, "not wanted"))
        return sums["events"] - sums["never acknowledged"] - known

    def _events(self) -> str:
        sums = self.findings.sums
        return (
            f"events {sums['events']}  "
            f"acknowledged first time {sums['acknowledged first time']}  "
            f"after resend {sums['acknowledged after resend']}  "
            f"never acknowledged {sums['never acknowledged']}  "
            f"(of these recovered {sums['recovered']})"
        )

    def _states(self) -> str:
        sums = Counter(self.findings.sums)
        sums["set aside"] += sums["not wanted"]
        known = "  ".join(f"{state} {sums[state]}" for state in STATES)
        return f"{known}   sum {sum(sums[state] for state in STATES)}"

    def _faults(self) -> str:
        each = ", ".join(f"{name} {count}" for name, count in self.faults.items())
        missed = f"  no victim {sum(self.missed.values())}" if self.missed else ""
        return (
            f"faults {sum(self.faults.values())} (kills {self.kills}): {each}{missed}"
        )

    def _unknown(self) -> str:
        figures = self.findings.figures
        looked, repeated = figures["settled by look-up"], figures["settled by repeat"]
        unknown = figures["unknown outcomes"]
        return (
            f"unknown outcomes {unknown}  settled by look-up {looked}  "
            f"by safe repeat {repeated}  left open {unknown - looked - repeated}"
        )

    def _late(self) -> str:
        return (
            f"late writes refused by token {self.late_writes}  "
            f"orphans seen {self.orphans}  "
            f"hung clusters {self.figures['hung']:.0f} "
            f"(detected max {self.figures['hung_most']:.0f} s)  "
            f"clusters started {self.figures['groups']:.0f}"
        )

    def _recovery(self) -> str:
        found = self.waits
        return (
            f"recovery s: p50 {percentile(found, 0.5):.1f}  "
            f"p99 {percentile(found, 0.99):.1f}  max {max(found, default=0):.1f} "
            f"(of {len(found)}; with outages of the target max "
            f"{max((one.seconds for one in self.recoveries), default=0):.1f})   "
            "database back s: "
            f"max {max(self.database_returns, default=0):.1f} "
            f"(of {len(self.database_returns)})   "
            f"over attempt limit {self.findings.counts[OVER_LIMIT]}"
        )

    def _others(self) -> str:
        broken = {k: n for k, n in self.findings.counts.items() if k not in MAIN}
        figures = self.findings.figures
        named = ", ".join(f"{kind} {count}" for kind, count in sorted(broken.items()))
        return (
            f"invariants looked at {self.looks} times, broken {sum(broken.values())}"
            f"{f' ({named})' if named else ''}   "
            f"secrets searched {figures['secrets searched']}, "
            f"found {self.findings.counts[SECRET]}"
        )

    def write(self, path: Path) -> None:
        """Write the twin: everything above, and the examples behind it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = {**vars(self), "findings": _told(self.findings)}
        whole["recoveries"] = [asdict(one) for one in self.recoveries]
        whole |= {"verdict": self.verdict, "broken": self.broken, "slow": self.slow}
        whole |= {"kills": self.kills}
        path.write_text(json.dumps(whole, indent=1, default=str))


def report(storm: Storm, findings: Findings) -> Report:
    """Gather what the storm saw and what the audit found."""
    watch, driver = storm.watch, storm.driver
    findings.take_in(storm.instants.findings)
    return Report(
        seed=storm.seed,
        minutes=round(storm.seconds / 60, 1),
        events=storm.events,
        commit=commit(),
        findings=findings,
        faults={
            family: sum(driver.counts[kind] for kind in kinds)
            for family, kinds in FAMILIES.items()
        },
        missed=dict(driver.missed),
        recoveries=watch.recoveries,
        database_returns=watch.database_returns,
        orphans=len(watch.orphans),
        drain_seconds=storm.drain_seconds,
        left=storm.left,
        late_writes=_late_writes(storm.stand.folder / "logs"),
        looks=storm.instants.times,
        figures=_figures(storm.stand.database.dsn),
        load=os.getloadavg()[1],
        notes=storm.notes,
    )


def _told(findings: Findings) -> dict[str, Any]:
    examples = {
        kind: [asdict(one) for one in shown]
        for kind, shown in findings.examples.items()
    }
    names = ("counts", "sums", "figures")
    return {name: dict(getattr(findings, name)) for name in names} | {
        "examples": examples
    }


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that `share` of all values do not exceed."""
    ordered = sorted(values)
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    with suppress(OSError, subprocess.CalledProcessError):
        found = subprocess.run(
            command, check=True, capture_output=True, text=True, cwd=ROOT
        )
        return found.stdout.strip()
    return "unknown"


def _late_writes(logs: Path) -> int:
    texts = [log.read_text(errors="replace") for log in logs.glob("group*.log")]
    return sum(len(LATE.findall(text)) for text in texts)


def _figures(dsn: str) -> dict[str, float]:
    with psycopg.connect(dsn) as line:
        found: dict[str, Any] = {
            name: line.execute(query).fetchone() for name, query in FIGURES.items()
        }
    return {name: float(row[0]) for name, row in found.items()}
