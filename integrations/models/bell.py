"""One wake-up per lane while one is pending."""

from django.db import models


class Bell(models.Model):
    """Says whether a lane was rung and not answered yet."""

    lane = models.CharField(max_length=80, primary_key=True)
    rung_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.lane
