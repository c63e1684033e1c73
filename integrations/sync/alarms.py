"""What people hear of a failed record: its line in the error queue, and alerts."""

from typing import Any

from errorqueue import incidents, policy
from errorqueue.alerts import AT_ONCE, CALM, close_alert, hasten, raise_alert
from errorqueue.failures import Failure, FailureKind
from errorqueue.models import Alert, FailedRecord
from errorqueue.services import capture
from integrations.connectors.errors import PermissionMissing
from integrations.models import Flow, SyncRecord, ring_alerts
from integrations.sync.blocking import block_behind
from integrations.sync.delivery import Delivery

# What incidents of stock, and of missing rights, are known by.
FLOW, RIGHT = "flow:", "permission:"


def schedule_of(flow: Flow) -> tuple[float, ...]:
    """Return the waits between tries, in seconds."""
    return tuple(flow.retry_schedule) or policy.DEFAULT_SCHEDULE


def report(
    record: SyncRecord,
    failure: Failure,
    tries: int,
    next_try_at: Any = None,
    error: Exception | None = None,
) -> None:
    """Open or refresh the record's line and those behind it, and raise its alert."""
    # While it retries by itself, the tries of this round count; for a person, all.
    made = tries if next_try_at else max(tries, record.attempts.count())
    line = capture(
        record,
        record.labels(),
        failure,
        tries=made,
        tries_allowed=policy.tries_allowed(failure.kind, schedule_of(record.flow)),
        next_try_at=next_try_at,
    )
    block_behind(record, line)
    _alarm(record, failure, line, error)


def _alarm(
    record: SyncRecord, failure: Failure, line: FailedRecord, error: Exception | None
) -> None:
    flow = record.flow
    if flow.alert_at_once:
        is_new = _tell_of_flow(flow, line)
    elif isinstance(error, PermissionMissing):
        is_new = _tell_of_permission(flow, failure, line)
    else:
        is_new = line.status == line.Status.FAILED and incidents.opened(line)
    if is_new:
        ring_alerts()


def _tell_of_flow(flow: Flow, line: FailedRecord) -> bool:
    """Tell at once, also while tries are left: of stock, every minute counts.

    But what comes back within minutes and passes by itself is one incident, however
    many records it meets; told again at once is what needs a person.
    """
    said = incidents.words_of(line)
    needs_person = line.status == line.Status.FAILED
    is_new = raise_alert(
        _flow_key(flow),
        f"{flow}: {said[0]}",
        "\n".join(said),
        _page_of(line),
        calm=AT_ONCE if needs_person else CALM,
        about=incidents.about_of(line, Alert.Kind.INVENTORY),
    )
    return is_new or (needs_person and hasten(_flow_key(flow)))


def _tell_of_permission(flow: Flow, failure: Failure, line: FailedRecord) -> bool:
    return raise_alert(
        permission_key(flow),
        f"{flow.target}: a permission is missing",
        f"{failure.why}\n{failure.remedy}",
        _page_of(line),
        about=incidents.about_of(line, Alert.Kind.ACCESS),
    )


def _page_of(line: FailedRecord) -> str:
    return f"/admin/errorqueue/failedrecord/{line.pk}/change/"


def calm_after(delivery: Delivery) -> None:
    """A delivery ends the incidents that it proves to be over."""
    flow = delivery.record.flow
    if delivery.desk.is_open(permission_key(flow)):
        close_alert(permission_key(flow))
    if delivery.desk.is_open(_flow_key(flow)):
        calm_down(flow)


def calm_down(flow: Flow) -> None:
    """Close the incident of a flow once nothing of it is open any more.

    Also of a flow whose failures are told by their causes from now on.
    """
    mine = FailedRecord.objects.open().filter(flow=flow.name)
    if not (flow.alert_at_once and mine.exists()):
        close_alert(_flow_key(flow))


def calm_all() -> None:
    """Close what nobody delivered away: its records were excluded, or closed by hand."""
    told = Alert.objects.filter(closed_at=None).values_list("key", flat=True)
    for key in told.filter(key__startswith=FLOW):
        for flow in Flow.objects.filter(pk=key.removeprefix(FLOW)):
            calm_down(flow)
    for key in told.filter(key__startswith=RIGHT):
        _, target, record = key.split(":", 2)
        flows = Flow.objects.filter(target=int(target), target_record=record)
        refused = FailedRecord.objects.open().filter(kind=FailureKind.ACCESS)
        if not refused.filter(flow__in=flows.values("name")).exists():
            close_alert(key)


def _flow_key(flow: Flow) -> str:
    return f"{FLOW}{flow.pk}"


def permission_key(flow: Flow) -> str:
    """Name the incident of a right that the role at a target lacks."""
    return f"{RIGHT}{flow.target_id}:{flow.target_record}"
