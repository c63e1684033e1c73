"""What people hear of a failed record: its line in the error queue, and alerts."""

from typing import Any

from errorqueue import policy
from errorqueue.alerts import close_alert, raise_alert
from errorqueue.failures import Failure
from errorqueue.models import FailedRecord
from errorqueue.services import capture
from integrations.connectors.errors import PermissionMissing
from integrations.models import Flow, SyncRecord, ring_alerts
from integrations.sync.blocking import block_behind
from integrations.sync.delivery import Delivery


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
        _raise(
            _flow_key(flow),
            f"{flow}: {record} failed",
            f"{record} {failure.what}.\n{failure.why}\n{failure.remedy}",
            line,
        )
    elif isinstance(error, PermissionMissing):
        title = f"{flow.target}: a permission is missing"
        _raise(_permission_key(flow), title, f"{failure.why}\n{failure.remedy}", line)


def _raise(key: str, title: str, text: str, line: FailedRecord) -> None:
    link = f"/admin/errorqueue/failedrecord/{line.pk}/change/"
    if raise_alert(key, title, text, link=link):
        ring_alerts()


def calm_after(delivery: Delivery) -> None:
    """A delivery ends the incidents that it proves to be over."""
    flow = delivery.record.flow
    if delivery.desk.is_open(_permission_key(flow)):
        close_alert(_permission_key(flow))
    if delivery.desk.is_open(_flow_key(flow)):
        calm_down(flow)


def calm_down(flow: Flow) -> None:
    """Close the incident of a flow once nothing of it is open any more."""
    if flow.alert_at_once and not FailedRecord.objects.open().filter(flow=flow.name):
        close_alert(_flow_key(flow))


def _flow_key(flow: Flow) -> str:
    return f"flow:{flow.pk}"


def _permission_key(flow: Flow) -> str:
    return f"permission:{flow.target_id}:{flow.target_record}"
