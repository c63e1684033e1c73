"""Writes that met a value which somebody else owns."""

from django.conf import settings
from django.db import models

from integrations.models.record import SyncRecord
from mappings.models import MappingRow, MappingVersion


class OwnershipConflict(models.Model):
    """One field of one record that was not written, because it is not ours to write.

    Parked with both values until a person gives one of three answers. `rule` is what
    the row of the mapping says of conflicts; `written_at` is set once an accepted
    value was written; `draft` is the version that a changed owner led to.
    """

    class Answer(models.TextChoices):
        OPEN = "", "Open"
        OWNER_WINS = "owner_wins", "The owner's value stays"
        ACCEPTED = "accepted", "Accepted once"
        NEW_OWNER = "new_owner", "The owner was changed by a new version"

    record = models.ForeignKey(
        SyncRecord, on_delete=models.CASCADE, related_name="ownership_conflicts"
    )
    field = models.CharField(max_length=200)
    owner = models.CharField(max_length=20)
    writer = models.CharField(max_length=20)
    rule = models.CharField(max_length=10, choices=MappingRow.Conflict, blank=True)
    standing = models.TextField(blank=True)
    wanted = models.TextField(blank=True)
    found_at = models.DateTimeField()
    answer = models.CharField(
        max_length=10, choices=Answer, default=Answer.OPEN, blank=True
    )
    reason = models.CharField(max_length=300, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    written_at = models.DateTimeField(null=True, blank=True)
    draft = models.ForeignKey(
        MappingVersion,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )

    class Meta:
        ordering = ["-pk"]
        permissions = [("answer_ownershipconflict", "Can answer ownership conflicts")]
        constraints = [
            models.UniqueConstraint(
                fields=["record", "field"],
                condition=models.Q(answer=""),
                name="one_open_conflict",
            )
        ]

    def __str__(self) -> str:
        return f"{self.field} of {self.record}"

    @property
    def is_open(self) -> bool:
        return not self.answer
