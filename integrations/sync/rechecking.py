"""After a mapping was published: whoever failed before on that flow is pre-flighted.

So the page of a cause says by itself how many a fix has mended; nobody has to ask.
"""

from datetime import UTC, datetime
from urllib.parse import urlencode

from django.db.models import Max

from errorqueue.bulk.running import start
from errorqueue.failures import FailureKind
from errorqueue.models import BulkRun, FailedRecord, Watermark
from integrations.models import Flow
from mappings.models import MappingVersion

MARK = "published mappings"
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
# What another mapping may mend.
KINDS = (FailureKind.MAPPING, FailureKind.DATA)


def recheck_after_publishing() -> None:
    """Start a pre-flight for each flow whose mapping was published since the last look."""
    published = MappingVersion.objects.filter(state=MappingVersion.State.PUBLISHED)
    latest = published.aggregate(latest=Max("published_at"))["latest"]
    if latest is None:
        return
    mark, _ = Watermark.objects.get_or_create(name=MARK, defaults={"at": LONG_AGO})
    moved = Watermark.objects.filter(name=MARK, at=mark.at, at__lt=latest)
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
