"""Fixes that worked once, kept for the next time."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from errorqueue.models.cause import Cause
from errorqueue.models.people import Action


class RecipeManager(models.Manager["Recipe"]):
    def credit(self, lines: Any) -> None:
        """Count the recipes that were applied to `lines` as ones that worked."""
        used = Action.objects.filter(
            verb=Recipe.APPLIED, failed__in=lines, undone_at=None
        )
        keys = [int(key) for key in used.values_list("after", flat=True)]
        if keys:
            self.filter(pk__in=keys).update(worked=F("worked") + 1)


class Recipe(models.Model):
    """A known fix: where it applies, what it does, who wrote it, until when.

    `steps` maps a place in the source payload to its new value (verb "mend"); the
    other verbs need none. A recipe is offered to everybody and applied by itself
    only where somebody with the right to allow that did so.
    """

    class Verb(models.TextChoices):
        MEND = "mend", "Set values, then retry"
        RETRY = "retry", "Retry"
        EXCLUDE = "exclude", "Exclude with this reason"
        ADVICE = "advice", "Advice only"

    # The verb of the action that notes its use; `after` holds its id.
    APPLIED = "recipe"

    name = models.CharField(max_length=120)
    cause = models.ForeignKey(Cause, on_delete=models.PROTECT, related_name="recipes")
    flow = models.CharField(max_length=120, blank=True, help_text="Empty: any flow.")
    verb = models.CharField(max_length=8, choices=Verb, default=Verb.MEND)
    steps = models.JSONField(default=dict, blank=True)
    words = models.TextField(help_text="What to do and why, for a colleague at night.")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    is_automatic = models.BooleanField(default=False)
    allowed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    retired_at = models.DateTimeField(null=True, blank=True)
    uses = models.PositiveIntegerField(default=0)
    worked = models.PositiveIntegerField(default=0)

    objects = RecipeManager()

    class Meta:
        verbose_name = "known fix"
        verbose_name_plural = "known fixes"
        ordering = ["-made_at"]
        permissions = [("allow_recipe", "Can let recipes be applied by themselves")]
        constraints = [
            models.CheckConstraint(
                condition=Q(is_automatic=False) | Q(allowed_by__isnull=False),
                name="automatic_recipe_is_allowed",
            )
        ]

    def __str__(self) -> str:
        return self.name
