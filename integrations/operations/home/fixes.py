"""What people mended, so that later records pass at their first try.

Counted as a fix is a value that records of a flow failed on, at one place of the
source, until a line of that cause was delivered after a person's retry, and that
nothing has failed on since. It counts for thirty days: by then it is how things are.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.db.models import F, Max, Min

from errorqueue.failures import FailureKind
from errorqueue.models import FailedRecord
from integrations.connectors import exact
from integrations.models import Flow, SyncRecord
from mappings.engine import DocumentError
from mappings.engine.paths import Path, parse_path, whole

LASTS = timedelta(days=30)
# The newest so many are looked for in a record.
MOST = 500
KINDS = (FailureKind.DATA, FailureKind.MAPPING)
_PLACE = re.compile(r"\[\d+\]")


@dataclass(frozen=True)
class Fix:
    """A value of one place in the source that passes since somebody mended it."""

    flow_id: int
    path: Path
    value: str
    since: datetime

    @property
    def written(self) -> str:
        """Return the value as the text of a payload holds it, without quotes."""
        return exact.dumps(self.value)[1:-1]

    def is_in(self, payload: Any) -> bool:
        """Say whether a payload carries the value at that place, in any of its lines."""
        return self.value in _texts(self.path.get(whole(payload, {})))


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, str | int) and not isinstance(value, bool):
        yield str(value)


@dataclass
class Mended:
    """The fixes that count at a moment; asked for when they are first needed."""

    now: datetime

    @cached_property
    def by_flow(self) -> dict[int, list[Fix]]:
        return standing(self.now)


def standing(now: datetime) -> dict[int, list[Fix]]:
    """Return the fixes that count now, by flow; three questions."""
    lines = FailedRecord.objects.filter(
        ending=FailedRecord.Ending.RETRIED,
        kind__in=KINDS,
        touched_at__gte=now - LASTS,
        settled_at__gte=now - LASTS,
        settled_at__gt=F("cause__last_seen_at"),
        cause__value__gt="",
    )
    groups = lines.order_by().values("cause", "flow")
    found = groups.annotate(since=Min("settled_at"), line=Max("pk"))
    newest = list(found.order_by("-since")[:MOST])
    examples = FailedRecord.objects.in_bulk([one["line"] for one in newest])
    flows = dict(Flow.objects.values_list("name", "pk"))
    fixes: dict[int, list[Fix]] = {}
    for one in newest:
        fix = _fix(examples[one["line"]], flows.get(one["flow"]), one["since"])
        if fix:
            fixes.setdefault(fix.flow_id, []).append(fix)
    return fixes


def _fix(line: FailedRecord, flow_id: int | None, since: datetime) -> Fix | None:
    problem = line.problems[0] if line.problems else {}
    source, value = problem.get("source", ""), problem.get("value", "")
    if flow_id is None or not source or not value:
        return None
    try:
        path = parse_path(_PLACE.sub("[]", source))
    except DocumentError:  # several places at once, or a fact that no payload holds
        return None
    return Fix(flow_id, path, value, since)


def prevented(passed: dict[int, datetime], mended: Mended) -> set[int]:
    """Return which records that passed at once carry a value mended before.

    `passed` holds the moment each was sent. Payloads are read only of flows with a
    fix, and parsed only where the text holds the value at all.
    """
    fixes = mended.by_flow if passed else {}
    if not fixes:
        return set()
    rows = SyncRecord.objects.filter(pk__in=passed, flow__in=fixes).order_by()
    columns = ("pk", "flow_id", "source")
    return {
        pk
        for pk, flow_id, text in rows.values_list(*columns).iterator(200)
        if text and _is_spared(text, passed[pk], fixes[flow_id])
    }


def _is_spared(text: str, sent_at: datetime, fixes: list[Fix]) -> bool:
    likely = [fix for fix in fixes if fix.since <= sent_at and fix.written in text]
    if not likely:
        return False
    payload = exact.loads(text)
    return any(fix.is_in(payload) for fix in likely)
