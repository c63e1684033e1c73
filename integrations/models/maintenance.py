"""Times in which an account is not to be called, by appointment."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from integrations.models.connection import Connection


class MaintenanceWindow(models.Model):
    """An appointment: once, or every week at the same time by the clock on the wall.

    `starts_at` and `ends_at` are those of the first time; `zone` is whose clocks a
    weekly one goes by, until `last_on` if that is set. A window that is not wanted any
    more is cancelled, never deleted: it says why records waited.
    """

    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, related_name="windows"
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    zone = models.CharField(max_length=60, default="UTC")
    is_weekly = models.BooleanField(default=False)
    last_on = models.DateField(null=True, blank=True)
    reason = models.CharField(max_length=300)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    made_at = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-starts_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="window_has_length"
            )
        ]

    def __str__(self) -> str:
        return f"Maintenance of {self.connection}: {self.reason}"


class MaintenanceTime(models.Model):
    """One time that a window took place, as it began; people may move its end.

    `muted` lists the incidents that were not told meanwhile: alert id and title.
    """

    window = models.ForeignKey(
        MaintenanceWindow, on_delete=models.CASCADE, related_name="times"
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    moved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    muted = models.JSONField(default=list)

    class Meta:
        default_permissions = ()  # shown on the page of its window
        ordering = ["-starts_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["window", "starts_at"], name="window_time_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["ends_at"],
                condition=Q(closed_at__isnull=True),
                name="window_time_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.window}, {self.starts_at:%d %b %Y %H:%M}"
