"""What moves from where to where."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from integrations.connectors.base import Connector, Payload, SourceObject
from integrations.models.connection import Connection
from mappings.models import MappingDocument


class Flow(models.Model):
    """Moves one kind of record from a source connection to a target connection."""

    class Mode(models.TextChoices):
        CREATE = "create", "Create only"
        UPSERT = "upsert", "Create or update"

    class Lane(models.TextChoices):
        INTERACTIVE = "interactive", "Interactive: orders and what they need"
        BULK = "bulk", "Bulk: catalogue work, goes when slots are to spare"

    class Hold(models.TextChoices):
        """Who put it on hold: what a breaker opened it probes and closes itself."""

        WATCH = "watch", "The watch of a new version"
        BREAKER = "breaker", "Its breaker"
        PERSON = "person", "A person"

    name = models.CharField(max_length=80, unique=True)
    slug = models.SlugField(max_length=60, unique=True)
    source = models.ForeignKey(
        Connection, on_delete=models.PROTECT, related_name="flows_out"
    )
    source_entity = models.CharField(max_length=40)
    target = models.ForeignKey(
        Connection, on_delete=models.PROTECT, related_name="flows_in"
    )
    target_record = models.CharField(max_length=60)
    mode = models.CharField(max_length=10, choices=Mode, default=Mode.UPSERT)
    mapping = models.ForeignKey(
        MappingDocument, on_delete=models.PROTECT, related_name="+"
    )
    is_enabled = models.BooleanField(default=True)
    lane = models.CharField(max_length=12, choices=Lane, default=Lane.INTERACTIVE)
    priority = models.PositiveSmallIntegerField(
        default=5, help_text="Lower goes first when slots are short."
    )
    retry_schedule = models.JSONField(
        default=list,
        blank=True,
        help_text="Seconds between tries; empty for the default.",
    )
    alert_at_once = models.BooleanField(
        default=False,
        help_text="A failure alerts at once, for stock that could be oversold.",
    )
    hold_hours = models.PositiveSmallIntegerField(
        default=24, help_text="How long a record may wait for another one."
    )
    poll_minutes = models.PositiveSmallIntegerField(
        default=0, help_text="Ask the source every so many minutes; 0 for never."
    )
    # Set while the flow is on hold: it takes events in, and nothing of it is sent.
    held_at = models.DateTimeField(null=True, blank=True, editable=False)
    hold_reason = models.CharField(max_length=300, blank=True, editable=False)
    hold_kind = models.CharField(
        max_length=8, choices=Hold, blank=True, db_default="", editable=False
    )
    # When its breaker lets a few records try, and since when they do (half-open).
    probe_at = models.DateTimeField(null=True, blank=True, editable=False)
    probing_since = models.DateTimeField(null=True, blank=True, editable=False)
    # Failures from before somebody let it go count no more.
    breaker_since = models.DateTimeField(null=True, blank=True, editable=False)
    breaker_percent = models.PositiveSmallIntegerField(
        default=80,
        db_default=80,
        validators=[MaxValueValidator(100)],
        help_text="So many per cent must fail for one cause; 0 for no breaker.",
    )
    breaker_least = models.PositiveSmallIntegerField(
        default=20,
        db_default=20,
        validators=[MinValueValidator(3)],
        help_text="Of fewer finished records nothing is concluded.",
    )
    breaker_minutes = models.PositiveSmallIntegerField(
        default=10,
        db_default=10,
        validators=[MinValueValidator(1), MaxValueValidator(120)],
        help_text="How far back it looks.",
    )
    cursor = models.CharField(max_length=120, blank=True)
    polled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Dependency(models.Model):
    """A record of `flow` needs the record of `needs` found at `source_path` first.

    An order needs its customer: `needs` is the customer flow, and the customer is
    the object at `customer` inside the order. A refund needs its order, of which it
    holds the plain id at `order_id`: then `needs` is the flow of orders.
    """

    flow = models.ForeignKey(
        Flow, on_delete=models.CASCADE, related_name="dependencies"
    )
    needs = models.ForeignKey(Flow, on_delete=models.PROTECT, related_name="needed_by")
    source_path = models.CharField(max_length=120)

    class Meta:
        verbose_name_plural = "dependencies"
        constraints = [
            models.UniqueConstraint(fields=["flow", "needs"], name="dependency_once")
        ]

    def __str__(self) -> str:
        return f"{self.flow} needs {self.needs}"

    def object_in(self, connector: Connector, payload: Payload) -> SourceObject | None:
        """Return the needed object inside `payload`, or None when it has none.

        A guest order has no customer, and then needs none. Where the payload holds
        a plain id, the object has its key and nothing else.
        """
        entity = self.needs.source_entity
        found: object = payload
        for name in self.source_path.split("."):
            found = found.get(name) if isinstance(found, dict) else None
        if isinstance(found, dict) and found:
            return connector.source_object(entity, found)
        key = _plain_id(found)
        return SourceObject(entity, key, {}, None) if key else None


def _plain_id(found: object) -> str:
    is_id = isinstance(found, str | int) and not isinstance(found, bool)
    return str(found).strip()[:200] if is_id and found else ""
