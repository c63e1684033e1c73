"""Bugs to be planted into the product from outside, one at a time.

Each shows a mistake that somebody may make one day. The harness must report every
one (`tests.crash.planted`). A patch that no longer fits the product fails at start.
"""

import logging
import os
import smtplib
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from django.apps import AppConfig

log = logging.getLogger(__name__)

Patch = Callable[..., Any]


class Planted(AppConfig):
    """Plants the bug of PLANTED_BUG once all models are there."""

    name = "tests.crash"
    label = "planted"

    def ready(self) -> None:
        bug = os.environ.get("PLANTED_BUG", "")
        if bug:
            PLANTS[bug]()
            log.warning("planted: %s", bug)


def replace(owner: Any, name: str, made: Callable[[Patch], Patch]) -> None:
    """Put `made(original)` in the place of an attribute that must exist."""
    original = getattr(owner, name)
    setattr(owner, name, made(original))


def answer_before_commit() -> None:
    from django.db import connection

    from integrations.models.inbox import InboxQuerySet

    def later(keep: Patch) -> Patch:
        def kept(self: Any, event: Any) -> None:
            def write() -> None:
                time.sleep(1)
                keep(self, event)
                connection.close()

            threading.Thread(target=write, daemon=True).start()

        return kept

    replace(InboxQuerySet, "keep", later)


def no_lease_check() -> None:
    from integrations.models import SyncRecord

    def anybody(mine: Patch) -> Patch:
        return lambda self: SyncRecord.objects.filter(pk=self.pk)

    replace(SyncRecord, "_mine", anybody)


def random_external_id() -> None:
    from integrations.sync import runner

    replace(runner, "external_id_of", lambda _: lambda flow, key: uuid.uuid4().hex)


def no_look_up_after_unknown() -> None:
    from integrations.connectors.netsuite.connector import NetSuite
    from integrations.sync import runner

    def blind(create: Patch) -> Patch:
        def made(self: Any, record_type: str, payload: Any, key: str) -> Any:
            body = {
                name: value for name, value in payload.items() if name != "externalId"
            }
            answer = self._write("POST", record_type, body)
            return self._written(record_type, key, answer)

        return made

    replace(runner, "settle_unknown", lambda _: lambda delivery, connector: None)
    replace(NetSuite, "create", blind)


def stale_mapping() -> None:
    from integrations.sync.desk import Desk
    from mappings.models import MappingVersion

    def first(version: Patch) -> Patch:
        def found(self: Any, flow: Any) -> Any:
            known = MappingVersion.objects.filter(document=flow.mapping_id)
            frozen = known.exclude(state=MappingVersion.State.DRAFT)
            return frozen.earliest("number")

        return found

    replace(Desk, "version", first)


def counted_after_work() -> None:
    from integrations.models import claiming

    def free_of_charge(take: Patch) -> Patch:
        def taken(self: Any, records: Any, worker: str, until: Any, **_: Any) -> None:
            take(self, records, worker, until, charge=0)

        return taken

    # The claim in one statement charges inside the database: it has to go as well.
    replace(claiming, "can_claim_at_once", lambda _: lambda: False)
    replace(claiming.ClaimingQuerySet, "_take", free_of_charge)


def sweeper_off() -> None:
    from integrations.sync import sweeper

    replace(sweeper, "PARTS", lambda _: ())


def dedupe_by_header_only() -> None:
    from integrations.models.record import Remembered, SyncRecord

    def always_new(compare: Patch) -> Patch:
        def compared(self: Any, found: Any) -> Any:
            said = compare(self, found)
            return Remembered.NEWER if said == Remembered.SAME else said

        return compared

    replace(SyncRecord, "compare", always_new)


def alert_inside_the_transaction() -> None:
    from integrations.sync import alarms

    def loudly(report: Patch) -> Patch:
        def reported(*args: Any, **kwargs: Any) -> None:
            report(*args, **kwargs)
            # Nobody listens there, as when the mail server is away.
            smtplib.SMTP("127.0.0.1", 9, timeout=2)

        return reported

    replace(alarms, "report", loudly)


def secret_in_an_exception() -> None:
    from integrations.connectors.errors import ConnectorError
    from integrations.connectors.netsuite.connector import NetSuite

    def chatty(write: Patch) -> Patch:
        def written(self: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                return write(self, *args, **kwargs)
            except ConnectorError as error:
                key = self.account.credentials["private_key"].reveal()
                error.args = (f"{error} while signed in with {key}",)
                raise

        return written

    replace(NetSuite, "_write", chatty)


def older_overwrites() -> None:
    from integrations.models.record import Remembered, SyncRecord

    def never_older(compare: Patch) -> Patch:
        def compared(self: Any, found: Any) -> Any:
            said = compare(self, found)
            return Remembered.NEWER if said == Remembered.OLDER else said

        return compared

    def forgetful(renew: Patch) -> Patch:
        def renewed(self: Any, columns: Any) -> bool:
            SyncRecord.objects.filter(pk=self.pk).update(changed_at=None)
            return bool(renew(self, columns))

        return renewed

    replace(SyncRecord, "compare", never_older)
    replace(SyncRecord, "renew", forgetful)


def hold_without_deadline() -> None:
    from integrations.models import SyncRecord

    def endless(settle: Patch) -> Patch:
        def settled(self: Any, state: str, *first: Any, **columns: Any) -> bool:
            if state == SyncRecord.State.HELD:
                columns["hold_until"] = None
            return bool(settle(self, state, *first, **columns))

        return settled

    replace(SyncRecord, "settle", endless)


def audit_in_a_second_transaction() -> None:
    from django.db import transaction

    from errorqueue import failpoints
    from integrations.sync import audit, outcome

    def afterwards(note: Patch) -> Patch:
        def noted(*args: Any, **kwargs: Any) -> None:
            def write() -> None:
                failpoints.hit("outcome.after_commit")
                note(*args, **kwargs)

            transaction.on_commit(write)

        return noted

    def apart(follow: Patch) -> Patch:
        def followed(delivery: Any, written: Any, told: str) -> Any:
            record = delivery.record
            audit.note(record, "delivered", "running", record.state, told)
            return follow(delivery, written, told)[1:]

        return followed

    replace(audit, "note", afterwards)
    replace(outcome, "_follow", apart)


def upsert_for_orders() -> None:
    from integrations.sync import runner

    def upserted(write: Patch) -> Patch:
        def written(delivery: Any, connector: Any, payload: Any) -> Any:
            record_type = delivery.record.flow.target_record
            return connector.upsert(record_type, payload, delivery.attempt.external_id)

        return written

    replace(runner, "settle_unknown", lambda _: lambda delivery, connector: None)
    replace(runner, "write", upserted)


def late_requests_forgotten() -> None:
    from integrations.sync import outcome

    replace(outcome, "confirm_at", lambda _: lambda delivery: None)


PLANTS: dict[str, Callable[[], None]] = {
    "answer before commit": answer_before_commit,
    "no lease token check": no_lease_check,
    "random external id": random_external_id,
    "no look-up after unknown": no_look_up_after_unknown,
    "stale mapping": stale_mapping,
    "attempts counted after work": counted_after_work,
    "sweeper off": sweeper_off,
    "dedupe by header only": dedupe_by_header_only,
    "alert inside the sync transaction": alert_inside_the_transaction,
    "secret in an exception text": secret_in_an_exception,
    "older version overwrites": older_overwrites,
    "hold without deadline": hold_without_deadline,
    "audit row in a second transaction": audit_in_a_second_transaction,
    "upsert for orders": upsert_for_orders,
    "late requests forgotten": late_requests_forgotten,
}
