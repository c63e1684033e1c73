"""What a bulk run would do, before anybody presses anything."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min, Sum

from errorqueue import wording, workbench
from errorqueue.failures import LIGHT_CHOICES, FailureKind
from errorqueue.models import FailedRecord, FailedRecordQuerySet

SAMPLE = 5
NOT_LOOKED_AT = "Not looked at yet"


@dataclass(frozen=True)
class Plan:
    """Count, money, kinds, lights and examples of the lines a person means.

    `newest` is the highest line counted: nobody confirms what they were not shown.
    `minutes` is an estimate from the slots and the calls of the last hour, or None
    when nothing was called then.
    """

    count: int
    newest: int
    money: list[str]
    kinds: list[tuple[str, int]]
    lights: list[tuple[str, int]]
    blocked: int
    oldest: datetime | None
    minutes: int | None
    sample: list[FailedRecord]

    def as_dict(self) -> dict[str, Any]:
        """Return what is kept with the run, to be compared afterwards."""
        return {
            "count": self.count,
            "money": self.money,
            "kinds": self.kinds,
            "lights": self.lights,
            "blocked": self.blocked,
            "minutes": self.minutes,
        }


def plan_of(lines: FailedRecordQuerySet) -> Plan:
    """Look at the open lines among `lines`; a handful of questions, however many."""
    plain = lines.open().order_by()
    told = plain.aggregate(
        count=Count("pk"), newest=Max("pk"), oldest=Min("first_failed_at")
    )
    return Plan(
        count=told["count"],
        newest=told["newest"] or 0,
        money=money_of(plain),
        kinds=[(_kind(name), count) for name, count in _by(plain, "kind")],
        lights=[(_light(name), count) for name, count in _by(plain, "preflight")],
        blocked=plain.filter(status=FailedRecord.Status.BLOCKED).count(),
        oldest=told["oldest"],
        minutes=_minutes(plain),
        sample=list(plain.order_by("first_failed_at", "pk")[:SAMPLE]),
    )


def money_of(lines: FailedRecordQuerySet) -> list[str]:
    """Return the sum of each currency, in words; currencies are never added up."""
    priced = lines.order_by().exclude(amount=None).exclude(currency="")
    rows = priced.values_list("currency").annotate(sum=Sum("amount"))
    return wording.moneys(dict(rows))


def _by(lines: FailedRecordQuerySet, column: str) -> list[tuple[str, int]]:
    rows = lines.values(column).annotate(count=Count("pk")).order_by("-count")
    return [(row[column], row["count"]) for row in rows]


def _kind(name: str) -> str:
    return FailureKind(name).value.capitalize()


def _light(name: str) -> str:
    return dict(LIGHT_CHOICES).get(name, NOT_LOOKED_AT)


def _minutes(lines: FailedRecordQuerySet) -> int | None:
    seconds = workbench.seconds_for(dict(_by(lines, "target")))
    return None if seconds is None else max(1, round(seconds / 60))
