"""Payouts, their lines, and how far the fetching of them is."""

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from integrations.connectors.payouts import Kind
from integrations.models import Connection
from integrations.models.exact import ExactJSONField

KIND_LABELS: dict[str, str] = {
    Kind.SALE: "Sale",
    Kind.REFUND: "Refund",
    Kind.FEE: "Fee",
    Kind.TAX: "Tax",
    Kind.DISPUTE: "Dispute",
    Kind.DISPUTE_REVERSAL: "Dispute reversed",
    Kind.ADJUSTMENT: "Adjustment",
    Kind.SHOP_CASH: "Shop Cash",
    Kind.SHIPPING: "Shipping labels",
    Kind.CREDIT: "Credit of the provider",
    Kind.LENDING: "Advance or loan",
    Kind.TRADE: "Trade with other merchants",
    Kind.TRANSFER: "Transfer between balances",
    Kind.RETRIED: "Payout that did not arrive",
    Kind.RESERVE: "Reserve",
    Kind.PAYOUT: "The payout itself",
    Kind.UNMAPPED: "Unmapped",
}


def money_field(**options: Any) -> "models.DecimalField[Any, Any]":
    """Return a column for exact amounts: fifteen digits survive on every database."""
    return models.DecimalField(max_digits=15, decimal_places=3, **options)


class PayoutFetch(models.Model):
    """One reading of the payouts of an account, and how far it is.

    `try_at` is when a worker may take it next, and while one has it the end of its
    lease: whoever finds another value there has lost it.
    """

    class Phase(models.TextChoices):
        PAYOUTS = "payouts", "Reading payouts"
        LINES = "lines", "Reading lines"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    connection = models.ForeignKey(
        Connection, on_delete=models.PROTECT, related_name="payout_fetches"
    )
    since = models.DateTimeField()
    until = models.DateTimeField()
    asked_at = models.DateTimeField()
    # Empty: by the schedule. What a person asks for is read again whole.
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    phase = models.CharField(max_length=7, choices=Phase, default=Phase.PAYOUTS)
    cursor = models.TextField(blank=True)
    payouts = models.PositiveIntegerField(default=0)
    lines = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    tries = models.PositiveIntegerField(default=0)
    problem = models.CharField(max_length=300, blank=True)
    # Payouts that could not be read; they stop no other.
    unread = models.CharField(max_length=300, blank=True)
    try_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["connection"],
                condition=Q(ended_at__isnull=True),
                name="payout_fetch_one_open",
            )
        ]

    def __str__(self) -> str:
        return f"Payouts of {self.connection}"


class Payout(models.Model):
    """Money that went to the bank, or below zero was pulled from it.

    `status` is the provider's own word. What its lines add up to is kept as it was
    when they were read last, all in one transaction.
    """

    class Standing(models.TextChoices):
        UNREAD = "unread", "Lines not read yet"
        TIES = "ties", "Ties to its lines"
        UNMAPPED = "unmapped", "Unmapped types"
        DIFFERS = "differs", "Does not tie"
        MIXED = "mixed", "More than one currency"

    connection = models.ForeignKey(
        Connection, on_delete=models.PROTECT, related_name="payouts"
    )
    vendor_id = models.CharField("number at the provider", max_length=40)
    status = models.CharField(max_length=40)
    is_withdrawal = models.BooleanField(default=False)
    currency = models.CharField(max_length=3)
    net = money_field()
    issued_at = models.DateTimeField()
    # In the zone of the account: the day by which finance knows it.
    day = models.DateField()
    trace = models.CharField("bank reference", max_length=120, blank=True)
    raw: Any = ExactJSONField()
    found_at = models.DateTimeField()

    standing = models.CharField(max_length=8, choices=Standing, default=Standing.UNREAD)
    lines_read_at = models.DateTimeField(null=True, blank=True)
    line_count = models.PositiveIntegerField(default=0)
    lines_net = money_field(null=True, blank=True)
    # By kind: how many lines, and amount, fee and net as texts.
    kinds: Any = ExactJSONField(default=dict)
    # By type: how many lines nobody can judge. By currency: how many were not added.
    unmapped: Any = ExactJSONField(default=dict)
    strangers: Any = ExactJSONField(default=dict)
    problem = models.CharField(max_length=300, blank=True)
    # The fetch that has its lines still to read, and the page it comes to next.
    wanted_by = models.ForeignKey(
        PayoutFetch,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="wanted",
    )
    cursor = models.TextField(blank=True)

    class Meta:
        ordering = ["-issued_at", "-pk"]
        default_permissions = ("view",)
        permissions = [("fetch_payout", "Can have payouts fetched")]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "vendor_id"], name="payout_once"
            )
        ]
        indexes = [
            models.Index(fields=["-issued_at", "-id"], name="payout_newest"),
            models.Index(fields=["standing"], name="payout_standing"),
            models.Index(fields=["day"], name="payout_day"),
        ]

    def __str__(self) -> str:
        return f"Payout {self.vendor_id}"

    @property
    def difference(self) -> Decimal | None:
        """Return by how much the net is not explained by its lines; None if unread."""
        return None if self.lines_net is None else self.net - self.lines_net


class PayoutLine(models.Model):
    """One movement of money inside a payout, as the provider tells it.

    It belongs to one payout at a time; one that is listed no more keeps its row and
    says since when.
    """

    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, related_name="lines")
    connection = models.ForeignKey(
        Connection, on_delete=models.PROTECT, related_name="+"
    )
    vendor_id = models.CharField(max_length=40)
    type = models.CharField(max_length=80)
    kind = models.CharField(max_length=16)
    amount = money_field()
    fee = money_field()
    net = money_field()
    currency = models.CharField(max_length=3)
    at = models.DateTimeField()
    order_id = models.CharField(max_length=40, blank=True)
    order_name = models.CharField(max_length=120, blank=True)
    reason = models.CharField(max_length=120, blank=True)
    is_test = models.BooleanField(default=False)
    # Its net is not amount less fee; no database is asked to reckon that.
    is_odd = models.BooleanField(default=False)
    raw: Any = ExactJSONField()
    gone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["at", "pk"]
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "vendor_id"], name="payout_line_once"
            )
        ]
        indexes = [
            models.Index(fields=["payout", "at", "id"], name="payout_line_order"),
            models.Index(fields=["payout", "kind", "at"], name="payout_line_kind"),
            models.Index(fields=["connection", "order_id"], name="payout_line_source"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.vendor_id}"

    @property
    def kind_label(self) -> str:
        """Return the kind in words; one that only a newer version knows as it is."""
        return KIND_LABELS.get(self.kind, self.kind)


class PayoutPage(models.Model):
    """A page of lines that was read and waits for the last one of its payout."""

    payout = models.ForeignKey(Payout, on_delete=models.CASCADE, related_name="pages")
    number = models.PositiveIntegerField()
    rows: Any = ExactJSONField()

    class Meta:
        ordering = ["number"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["payout", "number"], name="payout_page_once"
            )
        ]

    def __str__(self) -> str:
        return f"Page {self.number} of {self.payout}"
