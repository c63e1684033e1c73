"""What came of it, in small rows: one an hour, one a day, however much is delivered."""

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models

from integrations.models.flow import Flow


class BacklogHour(models.Model):
    """The longest that anything was seen to wait in an hour, looked at each minute.

    `oldest_seconds` is how long the oldest record had been due, `unread_seconds` how
    long the oldest delivery had not been read.
    """

    hour = models.DateTimeField(unique=True)
    oldest_seconds = models.PositiveIntegerField(default=0)
    unread_seconds = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ()  # a point of a chart: it has no page

    def __str__(self) -> str:
        return f"{self.hour:%d %b %H:00}: {self.oldest_seconds} s"


class OutcomeDay(models.Model):
    """What one flow created at its target on a day, in one currency.

    `created` are records written there for the first time; `straight` those of them
    whose first try wrote them; `prevented` those of these that carried a value which
    others had failed on until a person mended that.
    """

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="outcomes")
    day = models.DateField()
    currency = models.CharField(max_length=3, blank=True)
    created = models.PositiveIntegerField(default=0)
    straight = models.PositiveIntegerField(default=0)
    prevented = models.PositiveIntegerField(default=0)
    amount = models.DecimalField(max_digits=24, decimal_places=4, default=0)

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["flow", "day", "currency"], name="outcome_day_once"
            )
        ]
        indexes = [models.Index(fields=["day"], name="outcome_day")]

    def __str__(self) -> str:
        return f"{self.flow} {self.day}"


class HandledDay(models.Model):
    """How the lines of the error queue that ended on a day came to their end.

    `decisions` are those of people: a line closed alone counts one, a bulk run counts
    one however many lines it had. `by_person` are all lines that took a person,
    `alone` those that took nobody.
    """

    day = models.DateField(unique=True)
    decisions = models.PositiveIntegerField(default=0)
    by_person = models.PositiveIntegerField(default=0)
    alone = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ()  # shown with the outcome

    def __str__(self) -> str:
        return f"{self.day}: {self.decisions} decisions"


class Assumption(models.Model):
    """What people assumed about their work, and since when; rows are only added."""

    at = models.DateTimeField()
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    order_minutes = models.DecimalField(
        "minutes per typed order",
        max_digits=5,
        decimal_places=1,
        validators=[MinValueValidator(0)],
        help_text="How long it takes to type one order into NetSuite by hand.",
    )
    error_minutes = models.DecimalField(
        "minutes per error handled",
        max_digits=5,
        decimal_places=1,
        validators=[MinValueValidator(0)],
        help_text="How long one decision in the error queue takes; it is deducted.",
    )
    hour_cost = models.DecimalField(
        "cost of an hour",
        max_digits=8,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="What an hour of this work costs. Leave it empty to show no money.",
    )
    currency = models.CharField(
        "currency of the cost",
        max_length=3,
        blank=True,
        help_text="Three letters, such as EUR.",
    )

    class Meta:
        ordering = ["-pk"]
        default_permissions = ("change",)

    def __str__(self) -> str:
        return f"{self.order_minutes} minutes an order since {self.at:%d %b %Y}"
