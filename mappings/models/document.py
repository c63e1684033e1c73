"""Mapping documents: drafts that people edit, published versions that stand."""

from datetime import datetime
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction

from mappings.engine import Document
from mappings.models.tables import tables_by_key, value_tables


class MappingDocument(models.Model):
    """What one kind of record looks like on both sides, in one environment.

    A production document is filled by promotion from its sandbox `origin`.
    """

    class Environment(models.TextChoices):
        SANDBOX = "sandbox", "Sandbox"
        PRODUCTION = "production", "Production"

    name = models.CharField(max_length=120, unique=True)
    slug = models.SlugField(max_length=80, unique=True)
    source_system = models.CharField(max_length=20)
    source_entity = models.CharField(max_length=40)
    target_system = models.CharField(max_length=20)
    target_record = models.CharField(max_length=60)
    note = models.TextField(blank=True)
    environment = models.CharField(
        max_length=12,
        choices=Environment,
        default=Environment.SANDBOX,
        help_text="Versions of a production document go live only when signed.",
    )
    origin = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="promotions",
        help_text="The sandbox document that this one is promoted from.",
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def published(self) -> "MappingVersion | None":
        """Return the version that new attempts use."""
        return self.versions.filter(state=MappingVersion.State.PUBLISHED).first()

    def draft(self) -> "MappingVersion | None":
        return self.versions.filter(state=MappingVersion.State.DRAFT).first()

    def open_line(self) -> "MappingVersion | None":
        """Return the one version on its way: a draft, in review or scheduled."""
        return self.versions.filter(state__in=MappingVersion.ON_ITS_WAY).first()

    @property
    def needs_signatures(self) -> bool:
        """Say whether a version must be signed before it goes live."""
        return self.environment == self.Environment.PRODUCTION


class MappingVersion(models.Model):
    """One state of a document; frozen from the moment it is published."""

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        REVIEW = "review", "Waits for signatures"
        SCHEDULED = "scheduled", "Goes live at a set time"
        PUBLISHED = "published", "Published"
        RETIRED = "retired", "Retired"

    # Of these a document has one at a time.
    ON_ITS_WAY = (State.DRAFT, State.REVIEW, State.SCHEDULED)
    # Only these were ever allowed to write; a person may pin a retry to one of them.
    WENT_LIVE = (State.PUBLISHED, State.RETIRED)

    document = models.ForeignKey(
        MappingDocument, on_delete=models.PROTECT, related_name="versions"
    )
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    # What it was promoted from; its content is the base of a later comparison.
    promoted_from = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="promoted_to",
    )
    # The version whose content it brought back, for one that a roll-back made.
    restores = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="restored_by",
    )
    # SHA-256 of the content when it was sent for signatures; signatures name it.
    digest = models.CharField(max_length=64, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    sent_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    # As of when it was sent; the answer to a signature looks again.
    needs_finance = models.BooleanField(default=False)
    # The scenarios that had to pass when it was sent, each with a mark of what it said.
    asks = models.JSONField(default=list, blank=True, editable=False)
    activate_at = models.DateTimeField(null=True, blank=True)
    # How its first live records are watched; a size of 0 for not at all.
    watch_size = models.PositiveIntegerField(default=50)
    watch_limit = models.PositiveIntegerField(default=10)
    published_at = models.DateTimeField(null=True, blank=True)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )

    class Meta:
        ordering = ["document", "-number"]
        permissions = [
            ("publish_mappingversion", "Can publish mapping versions"),
            ("sign_mappingversion", "Can sign mapping versions"),
            ("sign_money", "Can sign mapping versions for finance"),
            ("promote_mappingversion", "Can promote to production"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["document", "number"], name="version_number_once"
            ),
            models.UniqueConstraint(
                fields=["document"],
                condition=models.Q(state="published"),
                name="one_published_version",
            ),
            models.UniqueConstraint(
                fields=["document"],
                condition=models.Q(state__in=["draft", "review", "scheduled"]),
                name="one_version_on_its_way",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.document} v{self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save a draft; of a frozen version, only its step into retirement."""
        retires = kwargs.get("update_fields") == ["state"] and (
            self.state == self.State.RETIRED
        )
        if self.pk and not retires:
            refuse_frozen(self.pk)
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        refuse_frozen(self.pk)
        return super().delete(*args, **kwargs)

    @property
    def is_frozen(self) -> bool:
        return self.state != self.State.DRAFT

    def as_document(self) -> Document:
        """Return what the engine applies; raises DocumentError for an unreadable row.

        The parts of a frozen version are read once in a process. Value tables belong
        to no version and are read each time.
        """
        if self.is_frozen:
            return self._frozen_document()
        document = self.read_document()
        names = {row.table for row in document.rows} - {""}
        tables = value_tables(names) if names else {}
        return document.renewed(str(self.document), tables)

    def _frozen_document(self) -> Document:
        """Return what was read once, unless a table it reads has another name since."""
        frozen_at = self.published_at or self.sent_at
        keys = _tables_of(self.pk, frozen_at)
        tables = tables_by_key(keys) if keys else {}
        names = tuple((key, name) for key, (name, _) in sorted(tables.items()))
        document = _frozen_document(self.pk, frozen_at, names)
        return document.renewed(str(self.document), dict(tables.values()))

    def read_document(self) -> Document:
        """Return the parts as they stand now: one query for each kind of part."""
        rows = tuple(row.as_row() for row in self.rows.select_related("table"))
        return Document(
            name=str(self.document),
            rows=rows,
            sections=tuple(part.as_section() for part in self.sections.all()),
            exclusions=tuple(part.as_exclusion() for part in self.exclusions.all()),
            checks=tuple(part.as_check() for part in self.checks.all()),
            source_system=self.document.source_system,
            target_system=self.document.target_system,
        )


@lru_cache(maxsize=64)
def _tables_of(version_id: int, frozen_at: datetime | None) -> frozenset[int]:
    """Return the keys of the value tables that a frozen version reads."""
    version = MappingVersion.objects.get(pk=version_id)
    used = version.rows.exclude(table=None).order_by()
    return frozenset(used.values_list("table", flat=True))


@lru_cache(maxsize=64)
def _frozen_document(
    version_id: int, frozen_at: datetime | None, tables: tuple[tuple[int, str], ...]
) -> Document:
    """Read a version while it cannot change; rows name their `tables`.

    The moment tells databases apart, and what was sent for signatures, taken back,
    changed and sent again.
    """
    return MappingVersion.objects.get(pk=version_id).read_document()


def refuse_frozen(version_id: int) -> None:
    """Raise ValidationError when the version may no longer change.

    Asks the database: a version in memory may have been published meanwhile. It stays
    locked until the transaction ends, so that nobody sends or publishes it before what
    is being saved is in it.
    """
    versions = MappingVersion.objects.select_related("document")
    if transaction.get_connection().in_atomic_block:
        versions = versions.select_for_update(of=("self",), no_key=True)
    version = versions.filter(pk=version_id).first()
    if version and version.is_frozen:
        raise ValidationError(
            f"{version} is {version.get_state_display().lower()} and frozen. "
            "Make a new draft to change it."
        )
