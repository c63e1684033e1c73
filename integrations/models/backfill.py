"""Back-fills: what of the past a person has brought over, looked at before it goes."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from integrations.models.flow import Flow
from integrations.models.record import SyncRecord
from mappings.models import MappingVersion


class Backfill(models.Model):
    """What to bring over, the dry run of it, and how far it is.

    `try_at` is when a worker may take it next, and while one has it the end of its
    lease: whoever finds another value there has lost it. Empty: nothing is to do.
    """

    class State(models.TextChoices):
        LOOKING = "looking", "Dry run"
        READY = "ready", "Dry run done"
        RUNNING = "running", "Running"
        PAUSED = "paused", "Paused"
        CANCELLED = "cancelled", "Cancelled"
        DONE = "done", "Done"
        FAILED = "failed", "Dry run failed"

    OVER = (State.CANCELLED, State.DONE, State.FAILED)

    # The days on which the objects were made, in each source's zone; or numbers.
    first = models.DateField(null=True, blank=True)
    last = models.DateField(null=True, blank=True)
    numbers = models.JSONField(default=list)
    unknown = models.JSONField(default=list, help_text="[number, why] of each.")
    with_failing = models.BooleanField(default=False)
    state = models.CharField(max_length=9, choices=State, default=State.LOOKING)
    note = models.CharField(max_length=300, blank=True)
    # Of what the answers of the dry run rest on.
    digest = models.CharField(max_length=64, blank=True)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    looked_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    try_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name = "back-fill"
        default_permissions = ("view",)
        permissions = [("run_backfill", "Can prepare and run back-fills")]
        indexes = [
            models.Index(
                fields=["try_at"],
                condition=Q(try_at__isnull=False),
                name="backfill_due",
            )
        ]

    def __str__(self) -> str:
        return f"Back-fill {self.pk}"

    @property
    def tag(self) -> str:
        """The tag of its lines in the error queue."""
        return f"back-fill-{self.pk}"

    @property
    def meant(self) -> str:
        """Say what was asked for: days, or numbers."""
        if self.numbers:
            return f"{len(self.numbers):,} number{'s' * (len(self.numbers) != 1)}"
        days = f"{self.first:%-d %b %Y}" if self.first else ""
        if self.last and self.last != self.first:
            days += f" to {self.last:%-d %b %Y}"
        return days


class BackfillLeg(models.Model):
    """One flow of a back-fill; what others need first has the lower position.

    A leg that was not chosen brings only what the records of the others need.
    """

    class Phase(models.TextChoices):
        LISTING = "listing", "Reading the source's list"
        JUDGING = "judging", "Looking at each record"
        JUDGED = "judged", "Looked at"

    backfill = models.ForeignKey(
        Backfill, on_delete=models.CASCADE, related_name="legs"
    )
    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="+")
    position = models.PositiveSmallIntegerField()
    is_chosen = models.BooleanField(default=True)
    # The field of the target by which records from before us are recognised.
    recognised_by = models.CharField(max_length=40, blank=True)
    version = models.ForeignKey(
        MappingVersion,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    phase = models.CharField(max_length=8, choices=Phase, default=Phase.LISTING)
    zone = models.CharField(max_length=60, blank=True)
    cursor = models.CharField(max_length=500, blank=True)
    missed = models.JSONField(default=list, help_text="[number, why] of each.")

    class Meta:
        ordering = ["position"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["backfill", "flow"], name="backfill_flow_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.flow} of {self.backfill}"


class BackfillItem(models.Model):
    """One object that the source has, what the dry run said of it, what became of it.

    Its content is not kept here: it is read again when it goes.
    """

    class Verdict(models.TextChoices):
        OPEN = "", "Not looked at yet"
        NEW = "new", "New"
        NEWER = "newer", "Newer than in the ledger"
        THERE = "there", "Exists under our id: linked"
        PAIR = "pair", "Exists, found by the rule: linked"
        IN_STEP = "in_step", "In step"
        KNOWN = "known", "In the ledger, not delivered yet"
        EXCLUDED = "excluded", "Excluded by a rule"
        FAILS = "fails", "Would fail now"
        UNSURE = "unsure", "Needs a person"
        GONE = "gone", "Gone at the source"

    class State(models.TextChoices):
        WAITING = "waiting", "To go"
        ENTERED = "entered", "Under way"
        DELIVERED = "delivered", "Delivered"
        LINKED = "linked", "Linked"
        FAILED = "failed", "Failed"
        EXCLUDED = "excluded", "Excluded"
        IN_STEP = "in_step", "In step"
        LEFT = "left", "Left out"
        CANCELLED = "cancelled", "Not begun"

    # What stands at the target afterwards; and what the ledger hears of besides.
    SENT = (Verdict.NEW, Verdict.NEWER, Verdict.THERE, Verdict.PAIR)
    GOES = (*SENT, Verdict.EXCLUDED)

    backfill = models.ForeignKey(
        Backfill, on_delete=models.CASCADE, related_name="items"
    )
    leg = models.ForeignKey(BackfillLeg, on_delete=models.CASCADE, related_name="items")
    record = models.ForeignKey(
        SyncRecord, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    source_key = models.CharField(max_length=200)
    label = models.CharField(max_length=120, blank=True)
    changed_at = models.DateTimeField()
    amount = models.DecimalField(max_digits=20, decimal_places=4, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    # What has to be there first; as long as that cannot go, this one cannot.
    needed = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    verdict = models.CharField(
        max_length=8, choices=Verdict, default=Verdict.OPEN, blank=True
    )
    target_id = models.CharField(max_length=200, blank=True)
    note = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["leg", "source_key"], name="backfill_item_once"
            )
        ]
        indexes = [
            models.Index(F("leg"), F("verdict"), F("id"), name="backfill_verdict"),
            models.Index(F("leg"), F("state"), F("id"), name="backfill_state"),
        ]

    def __str__(self) -> str:
        return self.label or self.source_key
