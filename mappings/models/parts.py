"""The parts of a version: fields, lists, rules that keep records out, sums."""

from typing import Any, Self

from django.db import models

from mappings import engine
from mappings.engine import Kind, Row
from mappings.engine.wording import system_key
from mappings.models.document import MappingVersion, refuse_frozen

KIND_LABELS = {
    Kind.COPY: "Copy",
    Kind.CONSTANT: "Constant",
    Kind.TABLE: "Value table",
    Kind.LOOKUP: "Look-up",
    Kind.TEMPLATE: "Template",
    Kind.EXPRESSION: "Expression",
}


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

    class OnMiss(models.TextChoices):
        """What a value table or look-up does with a value it does not know."""

        REFUSE = "refuse", "Refuse the record"
        DEFAULT = "default", "Use the default"
        LEAVE_OUT = "leave_out", "Leave the field out"

    class Conflict(models.TextChoices):
        """What happens when the target's value was changed there meanwhile."""

        OWNER_WINS = "owner_wins", "The owner's value wins"
        HOLD = "hold", "A person decides"
        NEWEST = "newest", "The newest value wins"

    class Sensitivity(models.TextChoices):
        NONE = "", "Ordinary"
        PERSONAL = "personal", "Personal"
        PAYMENT = "payment", "Payment"
        SECRET = "secret", "Secret"

    class Status(models.TextChoices):
        AGREED = "agreed", "Agreed"
        PROPOSED = "proposed", "Proposed"
        OPEN = "open", "Open question"

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
    expression = models.CharField(max_length=1000, blank=True)
    transforms = models.JSONField(default=list, blank=True)
    table = models.ForeignKey(
        "ValueTable", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    record = models.CharField(max_length=60, blank=True)
    by = models.CharField(max_length=40, blank=True)
    needs = models.CharField(max_length=40, blank=True)
    default = models.CharField(max_length=300, blank=True)
    required = models.BooleanField(default=False)
    # An empty value is sent, so that what stood in the field goes.
    clears = models.BooleanField(default=False)
    on_miss = models.CharField(max_length=10, choices=OnMiss, default=OnMiss.REFUSE)
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
    updaters = models.CharField(
        max_length=100, blank=True, help_text="Who may update the field, with commas."
    )
    conflict = models.CharField(
        max_length=10, choices=Conflict, default=Conflict.OWNER_WINS
    )
    sensitivity = models.CharField(
        max_length=10, choices=Sensitivity, default=Sensitivity.NONE, blank=True
    )
    status = models.CharField(max_length=10, choices=Status, default=Status.AGREED)
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
            expression=self.expression,
            transforms=engine.chain_from(self.transforms),
            table=self.table.name if self.table else "",
            record=self.record,
            by=self.by,
            needs=self.needs,
            default=engine.parse_literal(self.default),
            required=self.required,
            clears=self.clears,
            on_miss=self.on_miss,
            max_length=self.max_length,
            length_option=self.length_option,
            on_too_long=self.on_too_long,
            when=self.when,
            section=self.section,
            owner=system_key(self.owner),
            direction=self.direction,
            updaters=system_key(self.updaters),
            conflict=self.conflict,
            sensitivity=self.sensitivity,
            status=self.status,
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
