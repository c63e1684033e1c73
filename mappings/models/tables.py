"""Value tables, and the inbox of values that no table knows yet."""

from collections.abc import Collection

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class ValueTable(models.Model):
    """Values of one side and what they are called on the other."""

    class Purpose(models.TextChoices):
        PICKLIST = "picklist", "Picklist"
        STATE = "state", "States and regions"
        SHIP_METHOD = "ship_method", "Shipping methods"
        TERM = "term", "Payment terms"
        TAX_CODE = "tax_code", "Tax codes"
        CURRENCY = "currency", "Currencies"
        PAYMENT = "payment", "Payment methods"
        LOCATION = "location", "Locations"
        OTHER = "other", "Other"

    name = models.CharField(max_length=80, unique=True)
    purpose = models.CharField(max_length=12, choices=Purpose, default=Purpose.PICKLIST)
    note = models.CharField(max_length=200, blank=True)
    # When its rows last changed, by the clock of the database.
    changed_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def touch(self) -> None:
        """Note that the rows changed: who waits for them is looked at again."""
        ValueTable.objects.filter(pk=self.pk).update(changed_at=Now())


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


def tables_by_key(keys: Collection[int]) -> dict[int, tuple[str, dict[str, str]]]:
    """Return the name and the values of tables, an empty one too, in one query."""
    found: dict[int, tuple[str, dict[str, str]]] = {}
    columns = ("pk", "name", "rows__source", "rows__target")
    tables = ValueTable.objects.filter(pk__in=keys).order_by()
    for key, name, source, target in tables.values_list(*columns):
        _, pairs = found.setdefault(key, (name, {}))
        if source is not None:
            pairs[source] = target
    return found


class SeenValue(models.Model):
    """A value that came from a source and that the table does not know yet.

    `proposed` is the nearest target value; a person takes it, corrects it or sets
    the value aside. Counted for each table, whatever flow it came by.
    """

    class State(models.TextChoices):
        NEW = "new", "Not mapped yet"
        MAPPED = "mapped", "Mapped"
        IGNORED = "ignored", "Set aside"

    table = models.ForeignKey(ValueTable, on_delete=models.CASCADE, related_name="seen")
    value = models.CharField(max_length=200)
    state = models.CharField(max_length=8, choices=State, default=State.NEW)
    proposed = models.CharField(max_length=200, blank=True)
    because = models.CharField(max_length=200, blank=True)
    times = models.PositiveIntegerField(default=1)
    example = models.CharField(max_length=120, blank=True)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )

    class Meta:
        ordering = ["table", "value"]
        constraints = [
            models.UniqueConstraint(fields=["table", "value"], name="seen_once")
        ]

    def __str__(self) -> str:
        return f"{self.value} in {self.table}"
