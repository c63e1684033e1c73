"""How a line of the error queue closes by itself, and by what proof.

there      the target had the record already, under our external id
at source  a content that was refused was mended where it came from: the newer
           version passed
newer      a version that had failed for another reason was overtaken by a newer one
delivered  a later try of the same version succeeded; after a person's click the
           queue itself makes that "retried" and theirs

All but the last can be taken back for a day (`integrations.models.reopening`).
"""

from errorqueue.clock import database_time
from errorqueue.failures import FailureKind
from errorqueue.models import FailedRecord
from errorqueue.services import resolve
from integrations.connectors.base import Written
from integrations.models import Attempt, SyncRecord
from integrations.sync.delivery import Delivery

Ending = FailedRecord.Ending
# What is refused for these must be mended before it can pass.
ABOUT_CONTENT = (FailureKind.DATA, FailureKind.MAPPING, FailureKind.CONFLICT)


def close_delivered(delivery: Delivery, written: Written, version: int) -> None:
    """Close the line of a record that stands at its target now, if it has one."""
    record = delivery.record
    if record.token == 1:  # a first claim has no line to close
        return
    lines = FailedRecord.objects.about(record).open()
    asked = list(lines.values_list("retry_asked_by", flat=True)[:1])
    if not asked:
        return
    failed = _failed_before(delivery)
    ending = ending_of(written, version, failed, is_asked=asked[0] is not None)
    proof = _proof(delivery, written, version, ending, failed)
    undo = None if ending == Ending.DELIVERED else {"version": version}
    resolve(record, proof, ending, target_id=written.target_id, undo=undo)


def _failed_before(delivery: Delivery) -> Attempt | None:
    """Return the last try before this one that failed, or whose end nobody knew."""
    ended = [one for one in delivery.earlier if one.outcome != one.Outcome.DELIVERED]
    return ended[-1] if ended else None


def ending_of(
    written: Written, version: int, failed: Attempt | None, *, is_asked: bool
) -> str:
    """Say how a delivery came about; see above."""
    if written.adopted:
        return Ending.THERE
    if failed is None or version <= failed.version or is_asked:
        return Ending.DELIVERED
    return Ending.AT_SOURCE if failed.kind in ABOUT_CONTENT else Ending.NEWER


def _proof(
    delivery: Delivery,
    written: Written,
    version: int,
    ending: str,
    failed: Attempt | None,
) -> str:
    """Say what stands where, under which ids, in which version and since when."""
    record = delivery.record
    external_id = delivery.attempt.external_id if delivery.attempt else ""
    where = f"{record.flow.target} {record.flow.target_record} {written.target_id}"
    facts = f"{where} (external id {external_id}), version {version}, {_now()}"
    if ending == Ending.THERE:
        return f"Found there already: {facts}."
    if ending == Ending.DELIVERED or failed is None:
        return f"Delivered: {facts}."
    source = record.flow.source
    how = (
        "Mended in" if ending == Ending.AT_SOURCE else "Overtaken by a newer version of"
    )
    return f"{how} {source}: {facts}; version {failed.version} had failed."


def close_excluded(record: SyncRecord, rule: str) -> None:
    """Close the line of a record that a named rule keeps out, if it has one."""
    version = record.claimed_version
    how = f"Kept out by the rule {rule}: version {version}, {_now()}."
    resolve(record, how, Ending.BY_RULE, undo={"version": version})


def _now() -> str:
    return f"{database_time():%Y-%m-%d %H:%M} UTC"
