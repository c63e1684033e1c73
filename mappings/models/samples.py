"""Golden samples: records that stay with a document and run on every change."""

from django.conf import settings
from django.db import models

from mappings.models.document import MappingDocument


class GoldenSample(models.Model):
    """A source record, its facts, and what the published version made of it.

    `found` holds the answers of the look-ups, so that a sample runs without asking
    anybody: a list of [record, by, value, [[id, label, is inactive], …]].
    """

    document = models.ForeignKey(
        MappingDocument, on_delete=models.CASCADE, related_name="samples"
    )
    name = models.CharField(max_length=120)
    note = models.CharField(max_length=200, blank=True)
    source = models.JSONField()
    facts = models.JSONField(default=dict)
    found = models.JSONField(default=list)
    expected = models.JSONField(null=True, blank=True)
    added_at = models.DateTimeField(auto_now_add=True)
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["document", "name"], name="sample_once")
        ]

    def __str__(self) -> str:
        return self.name
