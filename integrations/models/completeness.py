"""The source's own list against the ledger: sweeps, what they found, certificates."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from errorqueue.clock import database_time
from integrations.models.flow import Flow


class GapSweep(models.Model):
    """One comparison of sources with the ledger, by the clock or asked for."""

    class Kind(models.TextChoices):
        RECENT = "recent", "Every quarter of an hour"
        NIGHTLY = "nightly", "Nightly"
        ASKED = "asked", "Asked for"

    kind = models.CharField(max_length=8, choices=Kind)
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )

    class Meta:
        ordering = ["-pk"]
        default_permissions = ()  # who sees certificates sees what they come from
        permissions = [("run_gapsweep", "Can have sources compared with the ledger")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.asked_at:%d %b %H:%M}"


class GapCheck(models.Model):
    """One flow and stretch of time of a sweep; a day ends with a certificate.

    `try_at` is when a worker may take it next, and while one has it the end of its
    lease: whoever finds another value there has lost it.
    """

    class Phase(models.TextChoices):
        LISTING = "listing", "Reading the source's list"
        FETCHING = "fetching", "Fetching what is missing"
        SETTLING = "settling", "Waiting until it is read"
        DONE = "done", "Compared"
        FAILED = "failed", "Could not be compared"

    OPEN = (Phase.LISTING, Phase.FETCHING, Phase.SETTLING)

    sweep = models.ForeignKey(GapSweep, on_delete=models.CASCADE, related_name="checks")
    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="+")
    day = models.DateField(null=True, blank=True)
    since = models.DateTimeField()
    until = models.DateTimeField()
    phase = models.CharField(max_length=8, choices=Phase, default=Phase.LISTING)
    cursor = models.CharField(max_length=500, blank=True)
    # Keys of the newest second listed so far: the next page may repeat them.
    edge = models.JSONField(default=list)
    listed = models.PositiveIntegerField(default=0)
    # Up to where the ledger was looked through for what the list does not name.
    listed_until = models.DateTimeField(null=True, blank=True)
    counts = models.JSONField(default=dict)
    money = models.JSONField(default=dict)
    tries = models.PositiveSmallIntegerField(default=0)
    try_at = models.DateTimeField()
    phase_at = models.DateTimeField()
    problem = models.CharField(max_length=300, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        default_permissions = ()
        indexes = [
            models.Index(
                fields=["try_at"], condition=Q(ended_at=None), name="gap_check_open"
            ),
            models.Index(fields=["day", "flow"], name="gap_check_day"),
        ]

    def __str__(self) -> str:
        return f"{self.flow} {self.day or self.since}"

    @property
    def is_open(self) -> bool:
        return self.phase in self.OPEN

    @property
    def is_asked_by_key(self) -> bool:
        """Say that it compares no stretch of time: one object is to be fetched."""
        return self.since == self.until


class GapQuerySet(models.QuerySet["Gap"]):
    """The verb by which an object is asked for that the ledger holds older."""

    def ask_for(self, flow: Flow, key: str, changed_at: datetime) -> "Gap":
        """Have one object fetched that changed at `changed_at`; a worker does it.

        It is a comparison of nothing else, so its waits, tries and alerts are those
        of any. The sweeper rings for it.
        """
        now = database_time()
        sweep = GapSweep.objects.create(kind=GapSweep.Kind.RECENT, asked_at=now)
        check = GapCheck.objects.create(
            sweep=sweep,
            flow=flow,
            since=changed_at,
            until=changed_at,
            phase=GapCheck.Phase.FETCHING,
            try_at=now,
            phase_at=now,
        )
        return self.create(
            check_of=check,
            flow=flow,
            kind=Gap.Kind.BEHIND,
            source_key=key,
            changed_at=changed_at,
            found_at=now,
        )


class Gap(models.Model):
    """One object on which the source's list and the ledger differ.

    The ledger lacked it or held it older; or it has what the source lists no more:
    `is_gone` says then that the source has it no more either.
    """

    class Kind(models.TextChoices):
        MISSING = "missing", "Was not in the ledger"
        BEHIND = "behind", "Was older in the ledger"
        REMOVED = "removed", "Is no longer listed"

    check_of = models.ForeignKey(
        GapCheck, on_delete=models.CASCADE, related_name="gaps"
    )
    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=8, choices=Kind)
    source_key = models.CharField(max_length=200)
    label = models.CharField(max_length=120, blank=True)
    changed_at = models.DateTimeField()
    amount = models.DecimalField(max_digits=20, decimal_places=4, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    found_at = models.DateTimeField()
    fetched_at = models.DateTimeField(null=True, blank=True)
    is_gone = models.BooleanField(default=False)
    problem = models.CharField(max_length=300, blank=True)

    objects = GapQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["check_of", "source_key"], name="gap_once")
        ]
        indexes = [models.Index(fields=["flow", "changed_at"], name="gap_flow_time")]

    def __str__(self) -> str:
        return self.label or self.source_key


class Certificate(models.Model):
    """How one flow's source and ledger stood for one day. Never changed.

    Each covers the digest of the one before, so none can be changed, taken out or put
    in between afterwards. A day that is looked at again gets a further one.
    """

    flow = models.ForeignKey(
        Flow, null=True, on_delete=models.SET_NULL, related_name="certificates"
    )
    flow_slug = models.CharField(max_length=60)
    flow_name = models.CharField(max_length=80)
    source_name = models.CharField(max_length=80)
    entity = models.CharField(max_length=40)
    day = models.DateField()
    zone = models.CharField(max_length=60)
    since = models.DateTimeField()
    until = models.DateTimeField()
    is_whole_day = models.BooleanField()
    source_count = models.PositiveIntegerField()
    delivered = models.PositiveIntegerField()
    waiting = models.PositiveIntegerField()
    queued = models.PositiveIntegerField()
    by_rule = models.PositiveIntegerField()
    by_person = models.PositiveIntegerField()
    gone = models.PositiveIntegerField()
    missing = models.PositiveIntegerField()
    found = models.PositiveIntegerField()
    behind = models.PositiveIntegerField()
    fetched = models.PositiveIntegerField()
    found_before = models.PositiveIntegerField()
    # What the ledger has of this day and the source lists no more; beside its count.
    # Certificates from before this was asked have none.
    removed = models.PositiveIntegerField(null=True)
    money = models.JSONField(default=dict)
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=150)
    previous = models.CharField(max_length=64, blank=True, unique=True)
    digest = models.CharField(max_length=64)

    # What a listed object may be in; together they are the source's count.
    PARTS = (
        "delivered",
        "waiting",
        "queued",
        "by_rule",
        "by_person",
        "gone",
        "missing",
    )

    class Meta:
        ordering = ["-pk"]
        default_permissions = ("view",)
        indexes = [models.Index(fields=["day", "flow"], name="certificate_day")]

    def __str__(self) -> str:
        return f"Certificate {self.pk}: {self.flow_name}, {self.day}"

    @property
    def adds_up(self) -> bool:
        """Say whether the parts are the source's count."""
        return sum(getattr(self, part) for part in self.PARTS) == self.source_count

    def amount(self, currency: str, part: str) -> Decimal:
        """Return the sum of one part in one currency."""
        return Decimal(self.money.get(currency, {}).get(part, "0"))

    @property
    def money_differences(self) -> dict[str, Decimal]:
        """Return by currency what the source's sum has more than the ledger's."""
        return {
            currency: found
            for currency, sums in self.money.items()
            if (found := difference(sums))
        }


def difference(sums: dict[str, Any]) -> Decimal:
    """Return the source's sum without all that is accounted for."""
    parts = (Decimal(sums.get(part, "0")) for part in Certificate.PARTS)
    return Decimal(sums.get("source", "0")) - sum(parts, Decimal(0))
