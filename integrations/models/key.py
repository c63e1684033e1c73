"""What a source object is found by, beside the columns of its own line."""

from collections.abc import Iterable
from itertools import chain
from typing import TYPE_CHECKING

from django.db import connection, models
from django.db.models import F

from errorqueue.text import clean
from integrations.connectors.base import SourceObject

if TYPE_CHECKING:
    from integrations.models.inbox import InboxEvent
    from integrations.models.record import SyncRecord

# An order of a thousand lines is found by the first hundred of its SKUs.
MOST = 100
ENTER = """
INSERT INTO integrations_recordkey (record_id, name, value) VALUES {}
ON CONFLICT (record_id, name, value) DO NOTHING
"""

Pair = tuple[str, str]


class RecordKeys(models.Manager["RecordKey"]):
    """Writes keys once, as their record enters: a delivery writes none."""

    def enter(
        self,
        record: "SyncRecord",
        found: SourceObject,
        event: "InboxEvent | None" = None,
        known: Iterable[str] = (),
    ) -> None:
        """Make a line known by what a source object says; `known` SKUs are there."""
        skus = dict.fromkeys(found.skus[:MOST])
        pairs = [(RecordKey.Name.SKU, sku) for sku in skus if sku not in set(known)]
        pairs += [(RecordKey.Name.TRACKING, one) for one in found.tracking[:MOST]]
        if event is not None:
            pairs.append((RecordKey.Name.DELIVERY, str(event.pk)))
        self.add(record.pk, pairs)

    def add(self, record: int, pairs: Iterable[Pair]) -> None:
        """Write keys in one order, so that two writers cannot lock each other out.

        By hand, since it is done for each object that comes in: the ORM takes longer
        to write the statement than the database to carry it out.
        """
        wanted = sorted({(str(name), folded(value)) for name, value in pairs})
        rows = [(record, name, value) for name, value in wanted if value]
        if rows:
            places = ", ".join(["(%s, %s, %s)"] * len(rows))
            with connection.cursor() as cursor:
                cursor.execute(ENTER.format(places), list(chain(*rows)))


class RecordKey(models.Model):
    """One word that leads to a ledger line: a SKU, a tracking number, a delivery.

    Order number, e-mail and ids are columns of the line or of its link, and no keys.
    Every step of a record writes all indexes of its line again, so what never changes
    with its state stands here.
    """

    class Name(models.TextChoices):
        SKU = "sku", "SKU"
        TRACKING = "tracking", "Tracking number"
        DELIVERY = "delivery", "Delivery that told about it"

    record = models.ForeignKey(
        "integrations.SyncRecord",
        on_delete=models.CASCADE,
        related_name="keys",
        db_index=False,  # the constraint begins with it
    )
    name = models.CharField(max_length=8, choices=Name)
    value = models.CharField(max_length=200)

    objects = RecordKeys()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["record", "name", "value"], name="record_key_once"
            )
        ]
        indexes = [
            models.Index(
                F("name"), F("value"), F("record").desc(), name="record_key_value"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name}:{self.value}"


def folded(value: str) -> str:
    """Return a word as it is stored and searched: without blanks around, lower case."""
    return clean(value).strip().casefold()[:200]
