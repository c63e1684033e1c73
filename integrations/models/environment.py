"""Between sandbox and production: promotions, refreshes, and fields that drifted."""

from django.conf import settings
from django.db import models

from integrations.models.connection import Connection
from mappings.models import MappingDocument, MappingVersion


class Promotion(models.Model):
    """One document carried from sandbox to production, with what stood before."""

    source = models.ForeignKey(
        MappingVersion, on_delete=models.PROTECT, related_name="+"
    )
    document = models.ForeignKey(
        MappingDocument, on_delete=models.PROTECT, related_name="+"
    )
    made = models.ForeignKey(
        MappingVersion, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    choices = models.JSONField(default=dict, help_text="Row by row: whose value.")
    missing = models.JSONField(default=list, help_text="Look-ups without an answer.")
    connection = models.ForeignKey(
        Connection, null=True, on_delete=models.PROTECT, related_name="+"
    )
    needs = models.JSONField(default=list, help_text="[record, by, value] of each.")
    checked_at = models.DateTimeField(null=True, blank=True)
    at = models.DateTimeField()
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    reverted_at = models.DateTimeField(null=True, blank=True)
    reverted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.source} to {self.document}"


class Refresh(models.Model):
    """A sandbox that was made anew by its vendor: what was dropped and what drifted."""

    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, related_name="refreshes"
    )
    at = models.DateTimeField()
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    note = models.CharField(max_length=300, blank=True)
    dropped = models.JSONField(default=dict, help_text="How many of what.")
    drift = models.JSONField(default=list, help_text="[record, by, value, was, is]")
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "refreshes"

    def __str__(self) -> str:
        return f"{self.connection} refreshed on {self.at:%d %b %Y}"


class NamedLookup(models.Model):
    """What one connection answers to one look-up that a document uses, with its age.

    One that finds nothing, several or an inactive record keeps that answer: nothing
    ever picks among several. `was_id` is what it found before the last change.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Not asked yet"
        FOUND = "found", "Found"
        MISSING = "missing", "Missing there"
        AMBIGUOUS = "ambiguous", "Several match"
        INACTIVE = "inactive", "Inactive there"
        REFUSED = "refused", "Cannot be asked"

    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, related_name="named_lookups"
    )
    record = models.CharField(max_length=60)
    by = models.CharField(max_length=40)
    value = models.CharField(max_length=300)
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    target_id = models.CharField(max_length=200, blank=True)
    label = models.CharField(max_length=300, blank=True)
    candidates = models.JSONField(default=list, help_text="[id, label] of each match.")
    was_id = models.CharField(max_length=200, blank=True)
    # A worker is to ask, and after how many failed tries, not before when.
    is_wanted = models.BooleanField(default=True)
    tries = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    asked_at = models.DateTimeField(null=True, blank=True)
    documents = models.JSONField(default=list, help_text="Slugs of those that use it.")

    class Meta:
        ordering = ["record", "by", "value"]
        permissions = [("resolve_namedlookup", "Can have look-ups resolved again")]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "record", "by", "value"], name="named_lookup_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["connection", "due_at"],
                condition=models.Q(is_wanted=True),
                name="named_lookup_wanted",
            )
        ]

    def __str__(self) -> str:
        return f"{self.record} by {self.by} {self.value}"

    @property
    def is_good(self) -> bool:
        return self.state == self.State.FOUND


class MovedLink(models.Model):
    """A link of a refreshed sandbox: its old id, and the one found by external id.

    Refused means that the vendor did not want to be asked, in the words of `said`; it
    tells nothing about the record.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Not asked yet"
        SAME = "same", "Same id"
        MOVED = "moved", "Other id"
        MISSING = "missing", "Gone"
        REFUSED = "refused", "Refused"

    refresh = models.ForeignKey(Refresh, on_delete=models.CASCADE, related_name="links")
    source_connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, related_name="+"
    )
    source_entity = models.CharField(max_length=40)
    source_id = models.CharField(max_length=200)
    record = models.CharField(max_length=60)
    external_id = models.CharField(max_length=200)
    was = models.CharField(max_length=200)
    now = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=7, choices=State, default=State.WAITING)
    said = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["refresh", "state"], name="moved_link_state")]

    def __str__(self) -> str:
        return f"{self.record} {self.external_id}"


class Coverage(models.Model):
    """Which rows and tables of a version the last records used, and which never.

    A worker goes through the newest `sample` records, a few seconds at a time;
    `cursor` is the oldest record it has seen.
    """

    version = models.ForeignKey(
        MappingVersion, on_delete=models.CASCADE, related_name="+"
    )
    sample = models.PositiveIntegerField(default=1000)
    cursor = models.BigIntegerField(null=True, blank=True)
    records = models.PositiveIntegerField(default=0)
    content = models.JSONField(default=dict)
    problem = models.CharField(max_length=300, blank=True)
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "coverage"
        constraints = [
            models.UniqueConstraint(
                fields=["version"],
                condition=models.Q(ended_at=None),
                name="one_open_coverage",
            )
        ]

    def __str__(self) -> str:
        return f"Coverage of {self.version}"


class Drift(models.Model):
    """A field that is no longer as the documents know it."""

    class Kind(models.TextChoices):
        REMOVED = "removed", "Removed"
        RENAMED = "renamed", "Renamed"
        REQUIRED = "required", "Newly required"
        SHORTER = "shorter", "Newly shorter"
        CHOICES = "choices", "Other choices"
        ADDED = "added", "Added"

    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, related_name="drifts"
    )
    record_type = models.CharField(max_length=60)
    field = models.CharField(max_length=200)
    kind = models.CharField(max_length=8, choices=Kind)
    was = models.CharField(max_length=300, blank=True)
    now = models.CharField(max_length=300, blank=True)
    documents = models.JSONField(default=list, help_text="Slugs and rows that use it.")
    found_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True, blank=True)
    seen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    gone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "record_type", "field", "kind"],
                condition=models.Q(gone_at=None),
                name="one_open_drift",
            )
        ]

    def __str__(self) -> str:
        return f"{self.record_type} {self.field}: {self.get_kind_display().lower()}"
