"""After a mapping was published, or what was missing was made: who failed is pre-flighted.

So the page of a cause says by itself how many a fix has mended; nobody has to ask.
"""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q

from errorqueue.bulk.running import start
from errorqueue.clock import database_time
from errorqueue.failures import FailureKind, Light
from errorqueue.models import BulkRun, Cause, FailedRecord, Watermark
from integrations.models import CachedLookup, Flow, Link
from mappings.models import MappingVersion

MARK = "published mappings"
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
# What another mapping may mend.
KINDS = (FailureKind.MAPPING, FailureKind.DATA)
MADE = "records made at targets"
# What a record that was made may mend: its value was looked up, or waited for.
OF_A_VALUE = (*KINDS, FailureKind.DEPENDENCY)
# New finds of one look; a cause is not gone through again for each of them.
MOST_FOUND = 2000
REST = timedelta(hours=1)
PREFLIGHTS = Q(verb=BulkRun.Verb.PREFLIGHT)
LATE = timedelta(seconds=20)


def recheck_after_publishing() -> None:
    """Start a pre-flight for each flow whose mapping was published since the last look."""
    published = MappingVersion.objects.filter(state=MappingVersion.State.PUBLISHED)
    latest = published.aggregate(latest=Max("published_at"))["latest"]
    if latest is None:
        return
    mark, _ = Watermark.objects.get_or_create(name=MARK, defaults={"at": LONG_AGO})
    moved = Watermark.objects.filter(name=MARK, at=mark.at, at__lt=latest)
    # The mark moves with the runs or not at all: who dies before leaves it to another.
    with transaction.atomic():
        if moved.update(at=latest):  # to one caller only
            for version in published.filter(published_at__gt=mark.at):
                for flow in Flow.objects.filter(mapping=version.document_id):
                    _recheck(flow, version)


def _recheck(flow: Flow, version: MappingVersion) -> None:
    waiting = FailedRecord.objects.filter(
        status=FailedRecord.Status.FAILED,
        flow=flow.name,
        kind__in=KINDS,
        last_failed_at__lt=version.published_at,
    )
    if waiting.exists():
        kinds = ",".join(KINDS)
        query = urlencode({"tab": "open", "q": f'flow:"{flow.name}" kind:{kinds}'})
        reason = f"{flow.mapping} was published."
        start(BulkRun.Verb.PREFLIGHT, None, query=query, reason=reason)


def recheck_after_making() -> None:
    """Start a pre-flight for each cause whose missing record has come to exist.

    Whoever made it: a delivery of ours leaves a link or a look-up that found it, and
    one made by hand shows as soon as one line of the cause would pass, or has.
    """
    if BulkRun.objects.filter(PREFLIGHTS, state__in=BulkRun.ACTIVE).exists():
        return
    now = database_time()
    mark, _ = Watermark.objects.get_or_create(name=MADE, defaults={"at": now})
    # What began before the mark may have been stored after it.
    causes = _causes_since(mark.at - LATE)
    # The mark moves with the runs or not at all: who dies before leaves it to another.
    with transaction.atomic():
        moved = Watermark.objects.filter(name=MADE, at=mark.at, at__lt=now)
        if moved.update(at=now):  # to one caller only
            for cause in causes:
                reason = f"{cause.value or cause.sentence} seems to be there now."
                start(BulkRun.Verb.PREFLIGHT, None, cause=cause, reason=reason[:300])


def _causes_since(moment: datetime) -> list[Cause]:
    """Return the causes that seem to have ended since, and still have lines."""
    found = _found_since(moment)
    known = Q(pk__in=_passing_since(moment)) | Q(value__in=found)
    rested = database_time() - REST
    lately = BulkRun.objects.filter(PREFLIGHTS, made_at__gt=rested)
    causes = Cause.objects.filter(known, kind__in=OF_A_VALUE, merged_into=None)
    waiting = FailedRecord.objects.filter(
        Q(preflight_at=None) | Q(preflight_at__lt=rested),
        cause=OuterRef("pk"),
        status=FailedRecord.Status.FAILED,
    )
    return list(causes.exclude(runs__in=lately).filter(Exists(waiting)))


def _found_since(moment: datetime) -> set[str]:
    """Return what targets have come to know, as it was looked up or called by us."""
    asked = CachedLookup.objects.filter(found_at__gte=moment).order_by("-found_at")
    made = Link.objects.filter(made_at__gte=moment).order_by("-made_at")
    values = asked.values_list("value", flat=True)[:MOST_FOUND]
    names = made.values_list("external_id", flat=True)[:MOST_FOUND]
    return {value[:200] for value in (*values, *names)} - {""}


def _passing_since(moment: datetime) -> set[int]:
    """Return the causes of lines that passed, or would, since a moment."""
    would = Q(status=FailedRecord.Status.FAILED, preflight=Light.GREEN)
    passed = Q(status=FailedRecord.Status.RESOLVED)
    lines = FailedRecord.objects.filter(would | passed, touched_at__gte=moment)
    found = lines.exclude(cause=None).order_by("-touched_at")
    return set(found.values_list("cause_id", flat=True)[:MOST_FOUND])
