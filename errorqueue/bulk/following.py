"""What comes after a bulk run: a pre-flight that was asked to retry what passes."""

from errorqueue.bulk.running import start
from errorqueue.failures import Light
from errorqueue.models import BulkItem, BulkRun, FailedRecord


def follow(run: BulkRun) -> BulkRun | None:
    """Start the run that `run` was asked to lead to, with its ten first.

    Left out is what a pre-flight says would fail again.
    """
    if run.options.get("then") != BulkRun.Verb.RETRY:
        return None
    looked_at = FailedRecord.objects.open().filter(
        bulk_items__run=run, bulk_items__state=BulkItem.State.DONE
    )
    passing = looked_at.exclude(preflight__in=(Light.RED.value, ""))
    chosen = list(passing.order_by("pk").values_list("pk", flat=True))
    if not chosen:
        return None
    reason = f"{run.reason} Pre-flighted in bulk {run.pk}.".strip()
    return start(
        BulkRun.Verb.RETRY, run.by, chosen=chosen, reason=reason, with_canary=True
    )
