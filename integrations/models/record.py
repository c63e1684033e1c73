"""The ledger: one line per source object and flow."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import models, transaction
from django.db.models import F, Q
from django.urls import reverse

from errorqueue.clock import DatabaseTime, database_time
from errorqueue.failures import Evidence, Labels, PrivatePlaces, RetryChoice, Start
from integrations.connectors.base import SourceObject
from integrations.connectors.external_ids import external_id
from integrations.models import asking, reopening, statements
from integrations.models.asking import BY_RULE, NO_CHOICE, NO_HOLD
from integrations.models.audit import AuditEntry
from integrations.models.claiming import ClaimingQuerySet
from integrations.models.cluster import may_write
from integrations.models.connection import Connection
from integrations.models.entering import as_new, source_columns
from integrations.models.evidence import evidence_of
from integrations.models.exact import ExactJSONField
from integrations.models.flow import Flow
from integrations.models.inbox import InboxEvent
from integrations.models.key import RecordKey
from integrations.models.privacy import private_places
from integrations.models.removal import Removal, is_same
from mappings.models import MappingVersion

STARTS = [(start.value, start.value) for start in Start]
# What a delivery leaves behind even when a newer version is waiting already.
KEPT_ANYWAY = (
    "target_id",
    "delivered_version",
    "delivered_at",
    "external_id",
    "confirm_at",
)


# What is read of a record that another one needs.
KNOWN_BY = (
    "source_key",
    "label",
    "target_id",
    "external_id",
    "delivered_at",
    "target_connection_id",
    "flow_id",
)


class Remembered(StrEnum):
    """What a source object was to the ledger."""

    NEW = "new"
    NEWER = "newer"
    SAME = "seen before"
    OLDER = "older than what is known"
    SENT = "already delivered; later changes are not sent on a create-only flow"


class SyncRecordQuerySet(ClaimingQuerySet):
    def remember(
        self, flow: Flow, found: SourceObject, event: InboxEvent | None = None
    ) -> tuple["SyncRecord", Remembered]:
        """Enter a source object: one line per flow and key, newest version wins.

        A repeat changes nothing; an older version never overwrites a newer one; a
        record in flight is delivered again with the newer version afterwards. The
        caller rings for the target, after all it enters: a bell is a row that many
        writers touch, and holding it while inserting would line them up or lock them.
        """
        columns = source_columns(flow, found, event)
        record, is_new = self.get_or_create(
            flow=flow,
            source_key=found.key,
            defaults=as_new(columns),
        )
        record.flow = flow
        outcome = Remembered.NEW if is_new else record.compare(found)
        if outcome == Remembered.NEWER and not record.renew(columns):
            outcome = Remembered.OLDER
        # Also of what is not sent any more: a shipped order brings its tracking number.
        known = () if is_new else record.skus.split()
        RecordKey.objects.enter(record, found, event, known)
        return record, outcome

    def first_sight(
        self, flow: Flow, found: SourceObject, event: InboxEvent | None = None
    ) -> "SyncRecord | None":
        """Enter an object seen inside another one, unless it is known already.

        None for an unknown one of which only the id was seen: it has to be read.
        """
        known = self.known(flow, found)
        if known is not None or found.is_id_alone:
            return known
        record, _ = self.get_or_create(
            flow=flow,
            source_key=found.key,
            defaults=as_new(source_columns(flow, found, event)),
        )
        RecordKey.objects.enter(record, found, event)
        return record

    def known(self, flow: Flow, found: SourceObject) -> "SyncRecord | None":
        """Return the line of a source object without its payload, if there is one."""
        light = self.only(*KNOWN_BY).filter(flow=flow, source_key=found.key)
        record = next(iter(light.order_by()), None)
        if record is not None:
            record.flow = flow
        return record


class SyncRecord(models.Model):
    """The ledger line of one source object on one flow.

    Every change of state is a conditional update; `token` only grows, and only the
    holder of the latest token may settle a running record.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        HELD = "held", "On hold"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Failed"
        EXCLUDED = "excluded", "Excluded"

    class Hold(models.TextChoices):
        CONNECTION = "connection", "Connection not ready"
        RECORD = "record", "Waits for another record"
        FLOW = "flow", "Flow on hold"
        PROBE = "probe", "Probe of a flow on hold"

    flow = models.ForeignKey(Flow, on_delete=models.PROTECT, related_name="records")
    target_connection = models.ForeignKey(
        Connection, on_delete=models.PROTECT, related_name="+"
    )
    source_key = models.CharField(max_length=200)
    version = models.PositiveIntegerField(default=1)
    changed_at = models.DateTimeField(null=True, blank=True)
    event = models.ForeignKey(
        InboxEvent,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="records",
    )
    source = ExactJSONField()
    edited = ExactJSONField(null=True, blank=True)

    label = models.CharField(max_length=120, blank=True)
    party = models.CharField(max_length=200, blank=True)
    email = models.CharField(max_length=254, blank=True)
    skus = models.TextField(blank=True)
    amount = models.DecimalField(max_digits=20, decimal_places=4, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)

    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    due_at = models.DateTimeField()
    priority = models.PositiveSmallIntegerField(default=5)
    token = models.BigIntegerField(default=0)
    worker = models.CharField(max_length=120, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    claimed_version = models.PositiveIntegerField(default=0)
    tries = models.PositiveIntegerField(default=0)
    asks_afresh = models.BooleanField(default=False)
    crashes = models.PositiveIntegerField(default=0)
    # How a person wants it retried, until it is delivered or a newer version comes.
    retry_start = models.CharField(max_length=8, choices=STARTS, blank=True)
    retry_version = models.ForeignKey(
        MappingVersion,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,  # hardly ever set, and every step would have to keep it
    )

    hold = models.CharField(max_length=12, choices=Hold, blank=True)
    hold_reason = models.CharField(max_length=300, blank=True)
    held_on = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="holding"
    )
    hold_until = models.DateTimeField(null=True, blank=True)

    external_id = models.CharField(max_length=200, blank=True)
    target_id = models.CharField(max_length=200, blank=True)
    delivered_version = models.PositiveIntegerField(default=0)
    delivered_at = models.DateTimeField(null=True, blank=True)
    confirm_at = models.DateTimeField(null=True, blank=True)
    # It stood at the target before us, so it is changed by its id there, not by ours.
    is_paired = models.BooleanField(default=False, db_default=False, editable=False)
    exclusion = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SyncRecordQuerySet.as_manager()

    # Until when the claim of this worker surely holds, on its own monotonic clock.
    good_until = 0.0

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["flow", "source_key"], name="one_line_per_object"
            )
        ]
        indexes = [
            models.Index(
                fields=["flow", "due_at", "id"],
                condition=Q(state="waiting"),
                name="record_waiting",
            ),
            models.Index(
                fields=["hold", "target_connection", "due_at", "id"],
                condition=Q(state="held"),
                name="record_held",
            ),
            models.Index(
                fields=["hold_until"],
                condition=Q(state="held"),
                name="record_hold_ends",
            ),
            models.Index(
                fields=["confirm_at"],
                condition=Q(confirm_at__isnull=False),
                name="record_confirm",
            ),
            models.Index(
                fields=["lease_until"],
                condition=Q(state="running"),
                name="record_running",
            ),
            models.Index(fields=["label"], name="record_label"),
            models.Index(fields=["source_key"], name="record_source_key"),
            models.Index(fields=["email"], condition=~Q(email=""), name="record_email"),
            models.Index(fields=["state", "delivered_at"], name="record_state"),
            # What the ledger has of a day, beside what its source lists of it.
            models.Index(fields=["flow", "changed_at"], name="record_changed"),
        ]

    def __str__(self) -> str:
        return f"{self.flow.source_entity.capitalize()} {self.label or self.source_key}"

    @property
    def payload(self) -> Any:
        """What will be mapped: a person's edit, or the source as received."""
        return self.source if self.edited is None else self.edited

    def compare(self, found: SourceObject) -> Remembered:
        """Say what `found` is to the version this line knows."""
        if self.delivered_version and self.flow.mode == Flow.Mode.CREATE:
            return Remembered.SENT
        if found.changed_at is None or is_same(self, found.payload):
            return Remembered.SAME
        if self.changed_at and found.changed_at < self.changed_at:
            return Remembered.OLDER
        return Remembered.NEWER

    @transaction.atomic
    def renew(self, columns: dict[str, Any]) -> bool:
        """Take a newer version in; say whether it still was newer when it landed.

        It goes by itself from wherever it waits or failed; only a person's exclusion
        stands, and a create-only record that was delivered meanwhile.
        """
        known = Q(changed_at=None) | Q(changed_at__lte=columns["changed_at"])
        # No join here: the database asks these conditions again after it has waited
        # for another writer of the row, which it cannot do inside a sub-select.
        mine = SyncRecord.objects.filter(known, pk=self.pk)
        if self.flow.mode == Flow.Mode.CREATE:
            mine = mine.filter(delivered_version=0)
        newer = {**columns, **NO_CHOICE, "edited": None, "version": F("version") + 1}
        if not mine.update(**newer):
            return False
        if not self.source:
            Removal.objects.filter(record=self).delete()
        by_rule = Q(state=self.State.EXCLUDED, exclusion__startswith=BY_RULE)
        on_record = Q(state=self.State.HELD, hold=self.Hold.RECORD)
        settled = Q(
            state__in=[self.State.WAITING, self.State.FAILED, self.State.DELIVERED]
        )
        queued = SyncRecord.objects.filter(settled | on_record | by_rule, pk=self.pk)
        moved = queued.update(
            state=self.State.WAITING,
            due_at=database_time(),
            tries=0,
            exclusion="",
            **NO_HOLD,
        )
        if moved and self.state != self.State.WAITING:
            AuditEntry.objects.note(
                self, "newer version", self.state, self.State.WAITING
            )
        return True

    @property
    def progress(self) -> str:
        """Name what it does right now, for whoever watches a retry."""
        if self.state == self.State.HELD:
            return f"On hold: {self.hold_reason}"
        return "Running" if self.state == self.State.RUNNING else ""

    def labels(self) -> Labels:
        """Return what the error queue copies of this record."""
        return Labels(
            subject=str(self),
            flow=self.flow.name,
            source=self.flow.source.name,
            target=self.flow.target.name,
            entity=self.flow.source_entity,
            source_id=self.source_key,
            external_id=self.external_id or self._external_id(),
            reference=self.label,
            party=self.party,
            email=self.email,
            skus=tuple(self.skus.split()),
            amount=self.amount,
            currency=self.currency,
            placed_at=self._placed_at(),
        )

    def _placed_at(self) -> datetime | None:
        """Return the earliest time an order is known from; nothing else has one."""
        if self.flow.source_entity != "order":
            return None
        known = (self.changed_at, self.created_at)
        return min((at for at in known if at), default=None)

    def _external_id(self) -> str:
        """Return the id it will have at the target, or nothing if it can have none."""
        flow = self.flow
        try:
            return external_id(
                flow.source.namespace, flow.source_entity, self.source_key
            )
        except ValueError:
            return ""

    def settle(
        self,
        state: str,
        *first: statements.Step,
        then: Callable[[], Sequence[statements.Step]] = tuple,
        **columns: Any,
    ) -> bool:
        """Leave `running` if this worker still holds the record; say whether it did.

        A newer version that came meanwhile sends the record back to waiting, unless
        it was delivered for good on a create-only flow. The crash count returns to
        zero: whatever the outcome, the worker lived. What must be written either way
        may travel with it as `first`, and what follows from the new state as `then`.
        """
        common = {
            "crashes": 0,
            "lease_until": None,
            "worker": "",
            "asks_afresh": False,
        }
        for_good = state == self.State.DELIVERED and self.flow.mode == Flow.Mode.CREATE
        left = {**common, "state": state, **columns}
        if state == self.State.DELIVERED and self.has_choice:
            left |= NO_CHOICE
        self.state = state
        if self._leave(left, first, then(), any_version=for_good):
            return True
        kept = {name: columns[name] for name in KEPT_ANYWAY if name in columns}
        self.state = self.State.WAITING
        back = {"state": self.state, "due_at": DatabaseTime(), "tries": 0}
        return self._leave({**common, **back, **kept}, (), then(), any_version=True)

    def _leave(
        self,
        columns: dict[str, Any],
        first: Sequence[statements.Step],
        then: Sequence[statements.Step],
        *,
        any_version: bool,
    ) -> bool:
        """Write columns while this claim stands, or only in its version as well."""
        stamped = [name for name in columns if isinstance(columns[name], DatabaseTime)]
        values = {
            "held_on_id" if name == "held_on" else name: getattr(value, "pk", value)
            for name, value in columns.items()
            if name not in stamped
        }
        same = "" if any_version else "AND version = %(claimed_version)s"
        statement = statements.settling(tuple(values), tuple(stamped), same)
        claim = {
            "record": self.pk,
            "claim": self.token,
            "claimed_version": self.claimed_version,
        }
        step = statements.Step(statement, {**values, **claim})
        return statements.settle(step, first, then)

    def lock_claim(self) -> bool:
        """Lock the row until the transaction ends; False when the claim was lost."""
        locked = self._mine().select_for_update(of=("self",))
        return bool(locked.order_by().values_list("pk", flat=True)[:1])

    def charge(self) -> bool:
        """Count a suspect's next death before it runs alone; False when it was lost."""
        charged = self._mine().update(crashes=F("crashes") + 1)
        self.crashes += charged
        return bool(charged)

    def give_back(self, charge: int = 1) -> None:
        """Return a claimed record that was not begun, with what it was charged.

        Also when its lease has ended and it waits again, unless somebody claimed it
        since. A suspect, charged nothing, stays one: its lease just ends.
        """
        if not charge:
            self._mine().update(lease_until=database_time(), worker="")
            return
        unclaimed = [self.State.RUNNING, self.State.WAITING]
        claim = {"pk": self.pk, "token": self.token, "state__in": unclaimed}
        mine = SyncRecord.objects.filter(may_write(), **claim, crashes__gte=charge)
        back = {"state": self.State.WAITING, "lease_until": None, "worker": ""}
        mine.update(**back, crashes=F("crashes") - charge)

    def _mine(self) -> SyncRecordQuerySet:
        """The row, as long as this claim of it stands and its cluster may write."""
        return SyncRecord.objects.filter(
            may_write(), pk=self.pk, state=self.State.RUNNING, token=self.token
        )

    @property
    def has_choice(self) -> bool:
        """Say whether a person chose how it is retried."""
        return bool(self.retry_start or self.retry_version_id)

    def enqueue(self, by: Any = None, choice: RetryChoice | None = None) -> None:
        """Make it due now, unless it is running or delivered in its newest version.

        A person pressed a button, so look-ups are asked afresh: what they just mended
        at the target must be seen. Raises Refused for a mapping version that is not
        one of its flow.
        """
        asking.enqueue(self, by, choice or RetryChoice())

    def take_back(self, by: Any = None) -> bool:
        """Undo `enqueue`: failed again, unless a worker took it since."""
        return asking.take_back(self, by)

    def exclude(self, reason: str, by: Any = None) -> None:
        """Set it aside with a person's reason; raises NotOpen while it is sent."""
        asking.exclude(self, reason, by)

    def include(self, by: Any = None) -> bool:
        """Undo a person's `exclude`: failed again; what a rule keeps out stays out."""
        return asking.include(self, by)

    def disown(self, by: Any = None) -> bool:
        """Undo that the target's record was taken as ours: failed again."""
        return asking.disown(self, by)

    def reopen(self, closing: dict[str, Any], by: Any = None) -> bool:
        """Undo that Waybill closed its line: failed again, unless it moved on."""
        return reopening.reopen(self, closing, by)

    def idle(self) -> SyncRecordQuerySet:
        """The row, unless it is being sent or stands at the target already."""
        return SyncRecord.objects.filter(pk=self.pk).exclude(
            state__in=[self.State.RUNNING, self.State.DELIVERED]
        )

    def evidence(self) -> Evidence:
        return evidence_of(self)

    def private_places(self, tried: Iterable[MappingVersion | None]) -> PrivatePlaces:
        """Return what its mapping keeps from most eyes, now and as it was tried."""
        versions = {*tried, self.flow.mapping.published()}
        return private_places(one for one in versions if one)

    def edit_url(self) -> str:
        return reverse("admin:integrations_syncrecord_edit", args=[self.pk])
