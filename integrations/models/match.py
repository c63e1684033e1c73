"""Matches: what both sides of a flow have, laid side by side before its first sync."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from integrations.models.exact import ExactJSONField
from integrations.models.flow import Flow


class Match(models.Model):
    """One look at both sides of a flow, and what a person made of it.

    `try_at` is when a worker may take it next, and while one has it the end of its
    lease: whoever finds another value there has lost it. Empty: nothing is to do.
    """

    class State(models.TextChoices):
        SOURCE = "source", "Reading the source"
        TARGET = "target", "Reading the target"
        COMPARING = "comparing", "Comparing"
        READY = "ready", "Compared"
        LINKING = "linking", "Linking"
        CANCELLED = "cancelled", "Cancelled"
        FAILED = "failed", "Failed"

    MOVING = (State.SOURCE, State.TARGET, State.COMPARING, State.LINKING)

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=9, choices=State, default=State.SOURCE)
    cursor = models.CharField(max_length=200, blank=True)
    note = models.CharField(max_length=300, blank=True)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    looked_at = models.DateTimeField(null=True, blank=True)
    linked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    try_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "matches"
        default_permissions = ("view",)
        permissions = [("run_match", "Can look at both sides and link pairs")]
        indexes = [
            models.Index(
                fields=["try_at"],
                condition=Q(try_at__isnull=False),
                name="match_due",
            )
        ]

    def __str__(self) -> str:
        return f"Match {self.pk}"


class MatchItem(models.Model):
    """One thing that one side has: a variant, with what people tell it by.

    `key` is the id of the record it belongs to. The items of the source say what was
    found, and `partner` what stands for them at the target; so do the items of the
    target that nothing stands for. `content` is kept once for each record.
    """

    class Side(models.TextChoices):
        SOURCE = "source", "Source"
        TARGET = "target", "Target"

    class Verdict(models.TextChoices):
        OPEN = "", "Not compared yet"
        SKU = "sku", "Same SKU"
        BARCODE = "barcode", "Same barcode, another SKU"
        SPELLING = "spelling", "Same SKU but for capitals or spaces"
        CLASH = "clash", "SKU and barcode lead to two different ones"
        TWICE = "twice", "Same SKU several times at the source"
        TWICE_THERE = "there", "Same SKU several times at the target"
        SPLIT = "split", "Its variants stand in several products"
        NO_SKU = "no_sku", "No SKU"
        NEW = "new", "Only at the source"
        ALONE = "alone", "Only at the target"
        PAIRED = "paired", "Paired"

    # What a person may have linked, and what nobody can before it is mended.
    PROPOSED = (Verdict.SKU, Verdict.BARCODE, Verdict.SPELLING)
    CONFLICTS = (
        Verdict.CLASH,
        Verdict.TWICE,
        Verdict.TWICE_THERE,
        Verdict.SPLIT,
        Verdict.NO_SKU,
    )
    ORPHANS = (Verdict.NEW, Verdict.ALONE)

    match = models.ForeignKey(Match, on_delete=models.CASCADE, related_name="items")
    side = models.CharField(max_length=6, choices=Side)
    key = models.CharField(max_length=200)
    part = models.CharField(max_length=200)
    sku = models.CharField(max_length=255, blank=True)
    barcode = models.CharField(max_length=255, blank=True)
    label = models.CharField(max_length=200, blank=True)
    content = ExactJSONField(null=True, blank=True)
    changed_at = models.DateTimeField(null=True, blank=True)
    verdict = models.CharField(
        max_length=8, choices=Verdict, default=Verdict.OPEN, blank=True
    )
    partner = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    note = models.CharField(max_length=300, blank=True)
    is_chosen = models.BooleanField(default=False)
    linked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["match", "side", "part"], name="match_item_once"
            )
        ]
        indexes = [
            models.Index(F("match"), F("verdict"), F("id"), name="match_verdict"),
            models.Index(
                fields=["match", "id"],
                condition=Q(is_chosen=True, linked_at=None),
                name="match_chosen",
            ),
        ]

    def __str__(self) -> str:
        return self.sku or self.label
