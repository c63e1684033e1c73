"""Mapping documents: drafts that people edit, published versions that stand."""

from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from mappings import engine
from mappings.engine import Document, Kind, Row

KIND_LABELS = {
    Kind.COPY: "Copy",
    Kind.CONSTANT: "Constant",
    Kind.TABLE: "Value table",
    Kind.LOOKUP: "Look-up",
    Kind.TEMPLATE: "Template",
}


class MappingDocument(models.Model):
    """What one kind of record looks like on both sides."""

    name = models.CharField(max_length=120, unique=True)
    slug = models.SlugField(max_length=80, unique=True)
    source_system = models.CharField(max_length=20)
    source_entity = models.CharField(max_length=40)
    target_system = models.CharField(max_length=20)
    target_record = models.CharField(max_length=60)
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def published(self) -> "MappingVersion | None":
        """Return the version that new attempts use."""
        return self.versions.filter(state=MappingVersion.State.PUBLISHED).first()

    def draft(self) -> "MappingVersion | None":
        return self.versions.filter(state=MappingVersion.State.DRAFT).first()


class MappingVersion(models.Model):
    """One state of a document; frozen from the moment it is published."""

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        PUBLISHED = "published", "Published"
        RETIRED = "retired", "Retired"

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
        permissions = [("publish_mappingversion", "Can publish mapping versions")]
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
                condition=models.Q(state="draft"),
                name="one_draft_version",
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
            document = _frozen_document(self.pk, self.published_at)
        else:
            document = self.read_document()
        names = {row.table for row in document.rows} - {""}
        tables = value_tables(names) if names else {}
        return replace(document, name=str(self.document), tables=tables)

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
def _frozen_document(version_id: int, published_at: datetime | None) -> Document:
    """Read a version that can never change; the moment tells databases apart."""
    return MappingVersion.objects.get(pk=version_id).read_document()


def refuse_frozen(version_id: int) -> None:
    """Raise ValidationError when the version may no longer change.

    Asks the database: a version in memory may have been published meanwhile.
    """
    frozen = MappingVersion.objects.exclude(state=MappingVersion.State.DRAFT)
    version = frozen.filter(pk=version_id).select_related("document").first()
    if version:
        raise ValidationError(
            f"{version} is {version.get_state_display().lower()} and frozen. "
            "Make a new draft to change it."
        )


class PartQuerySet(models.QuerySet[Any]):
    """Parts of versions; those of frozen versions can be neither changed nor deleted."""

    def update(self, **columns: Any) -> int:
        self._refuse_frozen()
        return super().update(**columns)

    def delete(self) -> tuple[int, dict[str, int]]:
        self._refuse_frozen()
        return super().delete()

    def _refuse_frozen(self) -> None:
        frozen = self.exclude(version__state=MappingVersion.State.DRAFT)
        part = frozen.order_by().first()
        if part:
            refuse_frozen(part.version_id)


class MappingPart(models.Model):
    """Anything that belongs to a version and freezes with it."""

    position = models.PositiveIntegerField(default=0)

    objects = PartQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering = ["position", "pk"]

    version: Any
    version_id: int

    def save(self, *args: Any, **kwargs: Any) -> None:
        refuse_frozen(self.version_id)
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        refuse_frozen(self.version_id)
        return super().delete(*args, **kwargs)

    def copy_to(self, version: MappingVersion) -> Self:
        """Return this part as an unsaved one of another version."""
        columns = {
            field.attname: getattr(self, field.attname)
            for field in self._meta.concrete_fields
            if field.attname not in ("id", "version_id")
        }
        return type(self)(version=version, **columns)


class MappingSection(MappingPart):
    """A list of lines at the target, one per element of the source list."""

    version = models.ForeignKey(
        MappingVersion, on_delete=models.CASCADE, related_name="sections"
    )
    name = models.CharField(max_length=60)
    target = models.CharField(max_length=200)
    source = models.CharField(max_length=200, blank=True)
    when = models.CharField(max_length=300, blank=True)

    class Meta(MappingPart.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["version", "name"], name="section_name_once"
            )
        ]

    def __str__(self) -> str:
        return self.name

    def as_section(self) -> engine.Section:
        return engine.Section(self.name, self.target, self.source, self.when)


class MappingRow(MappingPart):
    """One target field and where its value comes from."""

    class Direction(models.TextChoices):
        TO_TARGET = "to_target", "Source to target"
        BOTH = "both", "Both ways"

    class TooLong(models.TextChoices):
        REFUSE = "refuse", "Refuse"
        CUT = "cut", "Cut at a word"

    version = models.ForeignKey(
        MappingVersion, on_delete=models.CASCADE, related_name="rows"
    )
    section = models.CharField(max_length=60, blank=True)
    target = models.CharField(max_length=200)
    kind = models.CharField(
        max_length=10,
        choices=[(kind.value, KIND_LABELS[kind]) for kind in Kind],
        default=Kind.COPY.value,
    )
    source = models.CharField(max_length=200, blank=True)
    constant = models.CharField(max_length=300, blank=True)
    template = models.CharField(max_length=300, blank=True)
    transforms = models.JSONField(default=list, blank=True)
    table = models.ForeignKey(
        "ValueTable", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    record = models.CharField(max_length=60, blank=True)
    by = models.CharField(max_length=40, blank=True)
    needs = models.CharField(max_length=40, blank=True)
    default = models.CharField(max_length=300, blank=True)
    required = models.BooleanField(default=False)
    max_length = models.PositiveIntegerField(null=True, blank=True)
    length_option = models.CharField(max_length=60, blank=True)
    on_too_long = models.CharField(
        max_length=10, choices=TooLong, default=TooLong.REFUSE
    )
    when = models.CharField(max_length=300, blank=True)
    owner = models.CharField(max_length=20, blank=True)
    direction = models.CharField(
        max_length=10, choices=Direction, default=Direction.TO_TARGET
    )
    note = models.CharField(max_length=300, blank=True)

    class Meta(MappingPart.Meta):
        pass

    def __str__(self) -> str:
        return f"{self.section + ': ' if self.section else ''}{self.target}"

    def as_row(self) -> Row:
        """Return the engine's row; raise DocumentError for what cannot be read."""
        return Row(
            target=self.target,
            kind=Kind(self.kind),
            source=self.source,
            constant=engine.parse_literal(self.constant),
            template=self.template,
            transforms=engine.chain_from(self.transforms),
            table=self.table.name if self.table else "",
            record=self.record,
            by=self.by,
            needs=self.needs,
            default=engine.parse_literal(self.default),
            required=self.required,
            max_length=self.max_length,
            length_option=self.length_option,
            on_too_long=self.on_too_long,
            when=self.when,
            section=self.section,
            owner=self.owner,
            direction=self.direction,
            note=self.note,
            key=str(self.pk or ""),
        )


class ExclusionRule(MappingPart):
    """A named reason for which a record is not sent."""

    version = models.ForeignKey(
        MappingVersion, on_delete=models.CASCADE, related_name="exclusions"
    )
    name = models.CharField(max_length=80)
    when = models.CharField(max_length=300)

    class Meta(MappingPart.Meta):
        pass

    def __str__(self) -> str:
        return self.name

    def as_exclusion(self) -> engine.Exclusion:
        return engine.Exclusion(self.name, self.when)


class SumCheck(MappingPart):
    """Target amounts that must add up to a source amount."""

    version = models.ForeignKey(
        MappingVersion, on_delete=models.CASCADE, related_name="checks"
    )
    name = models.CharField(max_length=80)
    source = models.CharField(max_length=200)
    parts = models.JSONField(default=list)

    class Meta(MappingPart.Meta):
        pass

    def __str__(self) -> str:
        return self.name

    def as_check(self) -> engine.SumCheck:
        return engine.SumCheck(self.name, self.source, tuple(self.parts))


class ValueTable(models.Model):
    """Values of one side and what they are called on the other."""

    name = models.CharField(max_length=80, unique=True)
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ValueTableRow(models.Model):
    """One pair of values."""

    table = models.ForeignKey(ValueTable, on_delete=models.CASCADE, related_name="rows")
    source = models.CharField(max_length=200)
    target = models.CharField(max_length=200)
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["source"]
        constraints = [
            models.UniqueConstraint(
                fields=["table", "source"], name="table_source_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.source} → {self.target}"


def value_tables(names: set[str]) -> dict[str, dict[str, str]]:
    """Return the tables of these names, an empty one too, in one query."""
    tables: dict[str, dict[str, str]] = {name: {} for name in names}
    pairs = ValueTableRow.objects.filter(table__name__in=names)
    for name, source, target in pairs.values_list("table__name", "source", "target"):
        tables[name][source] = target
    return tables
