"""Mapping documents: drafts that people edit, published versions that stand."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from mappings.engine import Kind


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
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT,
        related_name="+",
    )
    published_at = models.DateTimeField(null=True, blank=True)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT,
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

    @property
    def is_frozen(self) -> bool:
        return self.state != self.State.DRAFT


class MappingPart(models.Model):
    """Anything that belongs to a version and freezes with it."""

    position = models.PositiveIntegerField(default=0)

    class Meta:
        abstract = True
        ordering = ["position", "pk"]

    version: Any

    def save(self, *args: Any, **kwargs: Any) -> None:
        self._refuse_when_frozen()
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        self._refuse_when_frozen()
        return super().delete(*args, **kwargs)

    def _refuse_when_frozen(self) -> None:
        if self.version.is_frozen:
            raise ValidationError(
                f"{self.version} is {self.version.get_state_display().lower()} and "
                "frozen. Make a new draft to change it."
            )


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
        max_length=10, choices=[(kind.value, kind.value) for kind in Kind], default="copy"
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
            models.UniqueConstraint(fields=["table", "source"], name="table_source_once")
        ]

    def __str__(self) -> str:
        return f"{self.source} → {self.target}"
