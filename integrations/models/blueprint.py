"""The data-flow blueprint: every kind of record that crosses a border."""

from django.db import models


class Entity(models.Model):
    """What the business decided about one kind of record.

    `source` and `target` name systems, or anything else that people call one; flows
    are found by source entity and systems. `follows` are the entities that must be
    there first.
    """

    class Trigger(models.TextChoices):
        EVENT = "event", "As it happens"
        POLL = "poll", "Asked for regularly"
        SCHEDULE = "schedule", "At set times"
        DEMAND = "demand", "On demand"

    class History(models.TextChoices):
        OPEN = "", "Not decided"
        BACKFILL = "backfill", "Bring over from a date"
        LEAVE = "leave", "Leave where it is"
        SELECTED = "selected", "Bring over a selection"

    name = models.CharField(max_length=80)
    slug = models.SlugField(max_length=60, unique=True)
    entity = models.CharField(max_length=40)
    source = models.CharField(max_length=40)
    target = models.CharField(max_length=40)
    target_record = models.CharField(max_length=60, blank=True)
    system_of_record = models.CharField(max_length=40)
    consumers = models.CharField(max_length=200, blank=True)
    trigger = models.CharField(max_length=8, choices=Trigger, default=Trigger.EVENT)
    cadence = models.CharField(max_length=120, blank=True)
    rules = models.TextField(blank=True)
    history = models.CharField(
        max_length=8, choices=History, default=History.OPEN, blank=True
    )
    history_from = models.DateField(null=True, blank=True)
    history_note = models.CharField(max_length=200, blank=True)
    follows = models.ManyToManyField(
        "self", symmetrical=False, blank=True, related_name="followed_by"
    )
    value = models.PositiveSmallIntegerField(
        default=0, help_text="What it is worth to the business, 0 to 100."
    )
    wave = models.PositiveSmallIntegerField(default=1)
    is_live = models.BooleanField(
        "live",
        default=False,
        help_text="The business counts on it. The drift check looks for its flow.",
    )
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["wave", "name"]
        verbose_name_plural = "entities"

    def __str__(self) -> str:
        return self.name
