"""How often something comes in on each flow: small rows, counted as it comes."""

from django.db import models

from integrations.models.flow import Flow


class FlowRhythm(models.Model):
    """What is known of the rhythm of one flow, and how far its source was compared.

    Nothing from before `since` is expected or missed: that is when Waybill began to
    listen. Everything that changed at the source before `swept_until` was compared.
    """

    class State(models.TextChoices):
        LEARNING = "learning", "Learning"
        RARE = "rare", "Too few to judge"
        QUIET = "quiet", "Usually quiet now"
        STEADY = "steady", "In rhythm"
        SILENT = "silent", "Silent"
        HOLIDAY = "holiday", "Holiday"

    flow = models.OneToOneField(Flow, on_delete=models.CASCADE, related_name="rhythm")
    since = models.DateTimeField()
    last_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=8, choices=State, default=State.LEARNING)
    # How many seconds usually pass at this hour of the week; none when nothing comes.
    usual_gap = models.FloatField(null=True, blank=True)
    expected = models.FloatField(default=0)
    hint = models.CharField(max_length=300, blank=True)
    # The records delivered last, newest first, and the digest of what was sent last.
    # An older version beside this one writes neither.
    last_records = models.JSONField(null=True, blank=True)
    last_digest = models.CharField(max_length=64, blank=True, db_default="")
    # When the poll's cursor last moved.
    moved_at = models.DateTimeField(null=True, blank=True)
    audited_at = models.DateTimeField(null=True, blank=True)
    swept_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()  # shown on the page of its flow

    def __str__(self) -> str:
        return f"Rhythm of {self.flow}"


class FlowHour(models.Model):
    """What came in on one flow in one hour, and what became of its attempts."""

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="hours")
    hour = models.DateTimeField()
    arrivals = models.PositiveIntegerField(default=0)
    delivered = models.PositiveIntegerField(default=0)
    # Attempts that failed for the record's own sake, not because a target was away.
    failed = models.PositiveIntegerField(default=0)
    # How many deliveries were laid beside the one before of another record, and how
    # many carried the very same; how many were looked into, and how many values they
    # held. An older version beside this one counts none of it.
    compared = models.PositiveIntegerField(default=0, db_default=0)
    alike = models.PositiveIntegerField(default=0, db_default=0)
    weighed = models.PositiveIntegerField(default=0, db_default=0)
    filled = models.PositiveIntegerField(default=0, db_default=0)
    # How many deliveries took how long from receipt: step of the scale to number.
    # An older version beside this one writes none.
    waits = models.JSONField(null=True, blank=True)

    class Meta:
        default_permissions = ()  # what a rhythm is counted from: it has no page
        constraints = [
            models.UniqueConstraint(fields=["flow", "hour"], name="flow_hour_once")
        ]
        indexes = [models.Index(fields=["hour"], name="flow_hour")]

    def __str__(self) -> str:
        return f"{self.flow} {self.hour:%d %b %H:00}"
