"""The first live records of a new version: when too many fail, the flow goes on hold.

Counted are records, each once, by the first try with the version that says something
about it: delivered, or refused for its data or its mapping. Vendors that are away and
refused log-ins say nothing.
"""

import logging
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from errorqueue.alerts import About, close_alert, raise_alert
from errorqueue.clock import DatabaseTime, database_time
from errorqueue.failures import FailureKind
from integrations.models import Attempt, Flow, Watch, ring_alerts
from integrations.studio.rejudging import judge_anew
from integrations.sync import flows
from mappings import services
from mappings.models import MappingVersion

log = logging.getLogger(__name__)

State = Watch.State
TELLING = Q(outcome=Attempt.Outcome.DELIVERED) | Q(
    outcome=Attempt.Outcome.FAILED, kind__in=(FailureKind.DATA, FailureKind.MAPPING)
)


def went_live(version: MappingVersion, before: MappingVersion | None, by: Any) -> None:
    """Watch a new version on each of its flows, in the transaction that publishes it.

    The watch of the version before ends, and a flow that it held goes again. Open
    ownership conflicts are judged anew. The very first version that a file brings is
    not watched: nothing stood before it.
    """
    Watch.objects.filter(
        version__document=version.document, state=State.WATCHING
    ).update(
        state=State.ENDED,
        ended_at=DatabaseTime(),
        note=f"Version {version.number} went live.",
    )
    for flow in Flow.objects.filter(mapping=version.document).order_by("pk"):
        _release(flow, f"{version} went live", by)
        judge_anew(flow, version, by)
        if before or by or version.created_by_id:
            _begin(flow, version)


@transaction.atomic
def took_document(flow: Flow, by: Any) -> None:
    """Watch what is in force of the document that a flow goes by from now on.

    To this flow it is as new as a version that goes live.
    """
    version = flow.mapping.published()
    if version is None:
        return
    others = Watch.objects.filter(flow=flow, state=State.WATCHING)
    for watch in others.exclude(version=version):
        _end(watch, State.ENDED, _left(flow))
    _release(flow, f"it goes by {version} now", by)
    judge_anew(flow, version, by)
    _begin(flow, version)


def _begin(flow: Flow, version: MappingVersion) -> None:
    if version.watch_size:
        Watch.objects.get_or_create(
            flow=flow,
            version=version,
            defaults={
                "size": version.watch_size,
                "limit_percent": version.watch_limit,
                "started_at": database_time(),
            },
        )


def is_due() -> bool:
    """Say whether a watched version has new results, or was left by its flow."""
    return any(
        _is_left(watch) or count(watch) != (watch.seen, watch.failed)
        for watch in _open()
    )


def _is_left(watch: Watch) -> bool:
    return bool(watch.flow.mapping_id != watch.version.document_id)


def _left(flow: Flow) -> str:
    return f"The flow goes by {flow.mapping} now."


def look() -> None:
    """Bring every open watch up to date and act on what it shows."""
    for watch in _open():
        try:
            look_at(watch)
        except Exception:
            log.exception("The watch %s could not be kept", watch.pk)


@transaction.atomic
def look_at(watch: Watch) -> None:
    """Count once more; hold the flow, or end the watch well, when that is decided.

    A flow that goes by another document now has left the version: nothing to hold.
    """
    seen, failed = count(watch)
    mine = Watch.objects.filter(pk=watch.pk, state=State.WATCHING)
    if not mine.update(seen=seen, failed=failed):
        return
    watch.seen, watch.failed = seen, failed
    if _is_left(watch):
        _end(watch, State.ENDED, _left(watch.flow))
    elif failed * 100 > watch.limit_percent * watch.size:
        _hold(watch)
    elif seen >= watch.size:
        _end(watch, State.PASSED, f"{failed} of {seen} records failed.")


def count(watch: Watch) -> tuple[int, int]:
    """Return how many records told something, of the first ones, and how many failed."""
    tries = Attempt.objects.filter(
        TELLING, mapping=watch.version_id, record__flow=watch.flow_id
    ).order_by("pk")
    verdicts: dict[int, bool] = {}
    rows = tries.values_list("record_id", "outcome")
    for record, outcome in rows.iterator(chunk_size=200):
        verdicts.setdefault(record, outcome == Attempt.Outcome.FAILED)
        if len(verdicts) >= watch.size:
            break
    return len(verdicts), sum(verdicts.values())


@transaction.atomic
def resume(watch: Watch, by: Any) -> bool:
    """Let a held flow go on with the version as it is; say whether it was held.

    Only the last watch that held it speaks for it: an old page ends no new hold.
    """
    holding = Watch.objects.filter(flow=watch.flow_id, state=State.HELD)
    if holding.filter(pk__gt=watch.pk).exists():
        return False
    mine = holding.filter(pk=watch.pk)
    if not mine.update(note=f"Resumed with this version by {by}."[:300]):
        return False
    return _release(watch.flow, "resumed with the same version", by)


@transaction.atomic
def roll_back(watch: Watch, by: Any) -> MappingVersion:
    """Bring back the version before and let the flow go on with it.

    Raises ValidationError when the watched version is not live any more.
    """
    version = watch.version
    reason = f"{watch.failed} of the first {watch.seen} records failed."
    return services.roll_back(version.document, by, reason, live=version.number)


def _open() -> list[Watch]:
    watches = Watch.objects.filter(state=State.WATCHING)
    related = watches.select_related("flow__mapping", "version__document")
    return list(related.order_by("pk"))


def _hold(watch: Watch) -> None:
    told = (
        f"{watch.failed} of the first {watch.seen} records failed with "
        f"{watch.version}; the limit is {watch.limit_percent} % of {watch.size}."
    )
    _end(watch, State.HELD, told)
    flows.hold(watch.flow, told, kind=Flow.Hold.WATCH)
    raise_alert(
        alert_key(watch.flow),
        f"{watch.flow} is on hold",
        f"{told}\n\nNew events are taken in and wait; nothing is lost. Open the watch "
        "to see what failed, then roll back to the version before, or go on.",
        reverse("admin:integrations_watch", args=[watch.pk]),
        about=About(flow=str(watch.flow), source=str(watch.flow.source)),
    )
    ring_alerts()


def _end(watch: Watch, state: str, note: str) -> None:
    watch.state, watch.note = state, note
    Watch.objects.filter(pk=watch.pk).update(
        state=state, note=note[:300], ended_at=DatabaseTime()
    )


def _release(flow: Flow, reason: str, by: Any) -> bool:
    close_alert(alert_key(flow))
    return flows.resume(flow, reason, by, unless=(Flow.Hold.PERSON,))


def alert_key(flow: Flow) -> str:
    """Name the incident of a flow that a watch put on hold."""
    return f"watch:{flow.slug}"
