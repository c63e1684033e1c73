"""What people asked about their personal data, by when, and what was done.

A request keeps the person's address only until it is done; what stays is keys.
"""

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import IntegrityError, models, transaction

from errorqueue.clock import database_time
from integrations.connectors.privacy import Demand, Wish
from integrations.models.audit import AuditEntry
from integrations.models.connection import Connection

if TYPE_CHECKING:
    from integrations.models.inbox import InboxEvent

# The vendor's deadline, counted from the moment the demand was taken in.
TERM = timedelta(days=30)
SUBJECT = "privacy request"
SHOP = "shop"


class PrivacyRequestQuerySet(models.QuerySet["PrivacyRequest"]):
    def enter(
        self, event: "InboxEvent", demand: Demand
    ) -> tuple["PrivacyRequest", bool]:
        """Enter what a delivery demands; say whether it is new.

        The same demand that is open already takes this delivery in. What has a number
        of the vendor's is entered once for good. In the caller's transaction.
        """
        known = self._known(event, demand)
        if known is None:
            try:
                with transaction.atomic():
                    return self._begin(event, demand), True
            except IntegrityError:  # another reader was first
                known = self._known(event, demand)
        if known is None:
            raise RuntimeError(f"{demand.wish} can neither be entered nor found.")
        known.join(event)
        return known, False

    def _known(self, event: "InboxEvent", demand: Demand) -> "PrivacyRequest | None":
        same = self.filter(
            connection=event.connection,
            wish=demand.wish.value,
            mark=mark_of(demand),
        )
        if not demand.number:
            same = same.filter(done_at=None)
        return same.select_for_update().order_by("-pk").first()

    def _begin(self, event: "InboxEvent", demand: Demand) -> "PrivacyRequest":
        now = database_time()
        made = self.create(
            connection=event.connection,
            wish=demand.wish.value,
            mark=mark_of(demand),
            customer=demand.customer,
            email=demand.email,
            words=list(demand.words),
            orders=list(demand.orders),
            deliveries=[event.pk],
            received_at=event.received_at,
            due_at=event.received_at + TERM,
            look_at=now,
        )
        made.note("received", f"{event.topic}, delivery {event.pk}")
        return made


def mark_of(demand: Demand) -> str:
    """Return what tells a demand from others of its connection.

    The erasure of a customer is another one when it names other orders.
    """
    if demand.number or not demand.customer:
        return demand.number or SHOP
    meant = "\n".join([demand.email.casefold(), *sorted(demand.orders)])
    digest = hashlib.sha256(meant.encode()).hexdigest()[:12]
    return f"{demand.customer}-{digest}"


class PrivacyRequest(models.Model):
    """One demand: who is meant, until when, how far it is, and the receipt.

    `done_until` is the last record of the ledger, `seen_until` the last delivery that
    was dealt with, so that a worker goes on where another died. `receipt` counts what
    was found by its kind and names keys; nothing in it is personal.
    """

    class Kind(models.TextChoices):
        DATA = Wish.DATA.value, "Tell what is held of a customer"
        CUSTOMER = Wish.CUSTOMER.value, "Erase a customer"
        SHOP = Wish.SHOP.value, "Erase a shop"

    class State(models.TextChoices):
        OPEN = "open", "In hand"
        WAITING = "waiting", "Waits for records"
        PERSON = "person", "Needs a person"
        DONE = "done", "Done"

    connection = models.ForeignKey(
        Connection, on_delete=models.PROTECT, related_name="privacy_requests"
    )
    wish = models.CharField(max_length=8, choices=Kind)
    mark = models.CharField(max_length=64)
    customer = models.CharField(max_length=40, blank=True)
    email = models.CharField(max_length=254, blank=True)
    words = models.JSONField(default=list)
    orders = models.JSONField(default=list)
    deliveries = models.JSONField(default=list)
    received_at = models.DateTimeField()
    due_at = models.DateTimeField()

    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    said = models.CharField(max_length=300, blank=True)
    # When a worker looks at it again; never, once there is nothing left to do.
    look_at = models.DateTimeField(null=True, blank=True)
    # A person wants what is not settled to be excluded and erased, and said why.
    excludes_open = models.BooleanField(default=False)
    reason = models.CharField(max_length=300, blank=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    done_until = models.BigIntegerField(default=0)
    seen_until = models.BigIntegerField(default=0)
    receipt = models.JSONField(default=dict)
    done_at = models.DateTimeField(null=True, blank=True)
    done_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    # The file of a data request is deleted then.
    file_until = models.DateTimeField(null=True, blank=True)

    objects = PrivacyRequestQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        default_permissions = ("view",)
        permissions = [
            ("settle_privacyrequest", "Can carry out privacy requests"),
            ("read_privacyfile", "Can download what is held of a customer"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "wish", "mark"],
                condition=models.Q(done_at=None),
                name="one_open_privacy_request",
            )
        ]
        indexes = [
            models.Index(
                fields=["look_at"],
                condition=models.Q(look_at__isnull=False),
                name="privacy_request_look",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        """What people call it, and what the trail of its records names."""
        return f"PR-{self.pk}"

    @property
    def is_open(self) -> bool:
        return self.done_at is None

    @property
    def is_for_data(self) -> bool:
        return self.wish == self.Kind.DATA

    def join(self, event: "InboxEvent") -> None:
        """Take in another delivery of the same demand; the first one's term stands."""
        if event.pk in self.deliveries:
            return
        self.deliveries = [*self.deliveries, event.pk]
        if self.wish == self.Kind.SHOP and self.is_open:
            # What came in between is meant as well.
            self.received_at = max(self.received_at, event.received_at)
        self.look_at = database_time()
        self.save()

    def note(self, verb: str, detail: str, by: Any = None) -> None:
        """Write a step into the audit trail: keys and words, nobody's data."""
        AuditEntry.objects.note_change(SUBJECT, self.pk, verb, detail, by)


class PrivacyPart(models.Model):
    """A piece of the file that answers a data request, sealed."""

    request = models.ForeignKey(
        PrivacyRequest, on_delete=models.CASCADE, related_name="parts"
    )
    number = models.PositiveIntegerField()
    sealed = models.TextField()

    class Meta:
        ordering = ["number"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["request", "number"], name="privacy_part_once"
            )
        ]

    def __str__(self) -> str:
        return f"Part {self.number} of {self.request}"
