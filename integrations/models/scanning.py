"""How far something that reads the ledger from end to end has come."""

from django.db import models


class ScanPlace(models.Model):
    """The last row that was read; `name` says by whom."""

    name = models.CharField(max_length=40, primary_key=True)
    row = models.BigIntegerField(default=0)

    class Meta:
        default_permissions = ()  # a worker's bookmark: it has no page

    def __str__(self) -> str:
        return f"{self.name} up to {self.row}"
