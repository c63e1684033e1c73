"""When and why an account or a flow stood still: one line for each time."""

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from errorqueue.clock import DatabaseTime

if TYPE_CHECKING:
    from integrations.models.connection import Connection
    from integrations.models.flow import Flow

User = Any


class OpeningQuerySet(models.QuerySet["Opening"]):
    def of(self, subject: "Connection | Flow") -> "OpeningQuerySet":
        """The openings of one connection or one flow."""
        return self.filter(**{subject._meta.model_name or "": subject})

    def begin(
        self, subject: "Connection | Flow", kind: str, reason: str, by: User = None
    ) -> "Opening":
        """Write down that it stands still from now on; what stood before is over."""
        self.end(subject, f"It went on as: {kind}.")
        name = subject._meta.model_name or ""
        columns = {"kind": kind, "reason": reason[:500], "by": by}
        return self.create(**{name: subject}, **columns, opened_at=DatabaseTime())

    def end(self, subject: "Connection | Flow", how: str, by: User = None) -> bool:
        """Write down how the one that is open ended; say whether one was."""
        mine = self.of(subject).filter(closed_at=None)
        ended = mine.update(closed_at=DatabaseTime(), ending=how[:300], closed_by=by)
        return bool(ended)


class Opening(models.Model):
    """One time in which nothing was sent to a connection or by a flow, and why.

    `rounds` counts the rounds of probes that failed; `probes` are the records of the
    round under way or of the last one.
    """

    connection = models.ForeignKey(
        "integrations.Connection",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="openings",
    )
    flow = models.ForeignKey(
        "integrations.Flow",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="openings",
    )
    kind = models.CharField(max_length=12)
    reason = models.CharField(max_length=500, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    ending = models.CharField(max_length=300, blank=True)
    rounds = models.PositiveIntegerField(default=0)
    probes = models.JSONField(default=list)

    objects = OpeningQuerySet.as_manager()

    class Meta:
        default_permissions = ()  # shown on the page of its connection or flow
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(connection__isnull=True, flow__isnull=False)
                | Q(connection__isnull=False, flow__isnull=True),
                name="opening_of_one",
            ),
            models.UniqueConstraint(
                fields=["connection"],
                condition=Q(closed_at__isnull=True),
                name="one_open_of_connection",
            ),
            models.UniqueConstraint(
                fields=["flow"],
                condition=Q(closed_at__isnull=True),
                name="one_open_of_flow",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.connection or self.flow}: {self.reason}"
