"""The faults of a storm: seed → what breaks, when, and who suffers it.

Pure. A victim is named by its rank (`draw`, 0 ≤ draw < 1) among those alive at the
moment, for process ids cannot be planned.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

# How the kills of a storm are shared out.
KILLS = {
    "web": 24,
    "web master": 4,
    "worker": 52,
    "pusher": 6,
    "monitor": 6,
    "guard": 14,
    "group": 5,
    "supervisor": 5,
}
# All other faults, by weight. A failpoint that kills counts as a kill when it struck.
OTHERS = {
    "term worker": 4,
    "term group": 3,
    "freeze web": 6,
    "freeze worker": 14,
    "freeze guard": 3,
    "freeze pusher": 2,
    "freeze monitor": 2,
    "db stop": 4,
    "db kill": 3,
    "db cut": 22,
    "broker empty": 8,
    "failpoint": 60,
    "proxy": 110,
    "vendor": 34,
    "people click": 3,
}
FREEZE_SECONDS = (0.5, 9.0)
DATABASE_SECONDS = (0.5, 4.0)
# Faults the proxy knows; `seconds` is how long a hole or a drip lasts.
PROXY = (
    "refuse",
    "reset",
    "black_hole",
    "drip",
    "truncate",
    "repeat",
    "html",
    "lost_response",
)
PROXY_SECONDS = {"refuse": (0.3, 2.0), "black_hole": (3.0, 8.0), "drip": (2.0, 8.0)}
# Answers of the simulated vendor, by the name its control takes.
VENDOR = (
    {"name": "CONCURRENCY_LIMIT_EXCEEDED", "times": 3},
    {"name": "INVALID_LOGIN", "times": 1},
    {"name": "MAINTENANCE", "times": 4},
    {"name": "UNEXPECTED_ERROR", "times": 2},
    {"name": "BAD_GATEWAY", "times": 3},
    {"name": "MAINTENANCE_AS_SUCCESS", "times": 1},
    {"name": "SUCCESS_WITHOUT_ID", "times": 1},
    {"name": "CUT_OFF", "times": 1},
    {"name": "UNEXPECTED_ERROR", "times": 1, "lost": True},
    {"revoke": True},
    {"late": 2.5, "times": 2},
    {"latency": 1.5},
)
REVOKE_SECONDS = (2.0, 6.0)
LATENCY_SECONDS = (2.0, 6.0)
# Where workers and web are struck; the words of the product's failpoints.
PLACES = (
    "inbox.before_commit",
    "inbox.after_commit",
    "inbox.before_answer",
    "inbox.claim",
    "inbox.parse",
    "inbox.record",
    "inbox.outcome",
    "bell.ring",
    "claim.before_commit",
    "claim.after_commit",
    "intent.before_commit",
    "intent.after_commit",
    "token.fetch",
    "slot.taken",
    "call.start",
    "call.end",
    "outcome.before_commit",
    "outcome.after_commit",
    "hold.before_commit",
    "hold.wake",
    "queue.capture",
    "alert.row",
    "alert.send",
    "schedule.slot",
    "sweep.pass",
    "poll.page",
)
WAYS = ("kill", "kill", "freeze", "raise", "slow:2", "slow:8")


@dataclass(frozen=True)
class Fault:
    """One fault: seconds after the storm began, kind, victim's rank, and details."""

    at: float
    kind: str
    draw: float
    details: dict[str, Any] = field(default_factory=dict)


def faults(seed: int, count: int, kills: int, seconds: float) -> list[Fault]:
    """Return `count` faults, `kills` of them kills, over so many seconds.

    Pauses go from nearly none to 5 s and never wait for calm.
    """
    chance = Random(f"{seed} faults")
    kinds = [f"kill {who}" for who in _shares(KILLS, kills)]
    kinds += _shares(OTHERS, max(0, count - kills))
    chance.shuffle(kinds)
    moments = _moments(len(kinds), seconds, chance)
    return [
        Fault(at, kind, chance.random(), _details(kind, chance))
        for at, kind in zip(moments, kinds, strict=True)
    ]


def _shares(weights: dict[str, int], count: int) -> list[str]:
    """Share `count` out by weight, the largest remainders first."""
    whole = sum(weights.values())
    exact = {name: count * weight / whole for name, weight in weights.items()}
    shares = {name: int(share) for name, share in exact.items()}
    rest = sorted(exact, key=lambda name: shares[name] - exact[name])
    for name in rest[: count - sum(shares.values())]:
        shares[name] += 1
    return [name for name, share in shares.items() for _ in range(share)]


def _moments(count: int, seconds: float, chance: Random) -> Iterator[float]:
    pauses = [min(5.0, chance.expovariate(1) + 0.05) for _ in range(count)]
    pace, now = seconds / (sum(pauses) or 1), 0.0
    for pause in pauses:
        now += pause * min(pace, 5.0)
        yield round(now, 3)


def _details(kind: str, chance: Random) -> dict[str, Any]:
    if kind.startswith("freeze"):
        return {"seconds": _within(FREEZE_SECONDS, chance)}
    if kind in ("db stop", "db kill"):
        return {"seconds": _within(DATABASE_SECONDS, chance)}
    if kind == "failpoint":
        return {"place": chance.choice(PLACES), "way": chance.choice(WAYS)}
    if kind == "proxy":
        return _proxy(chance)
    return _vendor(chance) if kind == "vendor" else {}


def _proxy(chance: Random) -> dict[str, Any]:
    kind = chance.choice(PROXY)
    seconds = _within(PROXY_SECONDS.get(kind, (1.0, 1.0)), chance)
    return {"kind": kind, "times": chance.randint(1, 3), "seconds": seconds}


def _vendor(chance: Random) -> dict[str, Any]:
    details: dict[str, Any] = dict(chance.choice(VENDOR))
    if details.get("revoke"):
        details["seconds"] = _within(REVOKE_SECONDS, chance)
    if details.get("latency"):
        details["seconds"] = _within(LATENCY_SECONDS, chance)
    return details


def _within(limits: Sequence[float], chance: Random) -> float:
    return round(chance.uniform(limits[0], limits[1]), 2)
