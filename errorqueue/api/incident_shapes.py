"""What is answered about incidents."""

from typing import Any

from django.conf import settings
from django.urls import reverse
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from errorqueue import wording
from errorqueue.alerting.channels import Mark
from errorqueue.alerting.words import defused, page_of
from errorqueue.api.shapes import CauseName, Links, Money, Shape, shown_money
from errorqueue.models import Alert, Message

STATES = [
    ("open", "Open"),
    ("acknowledged", "Acknowledged"),
    ("fixed", "Over"),
]


class Told(Shape):
    """One message about it."""

    id = serializers.SerializerMethodField(
        help_text="The same over all tries, as the message itself carries it."
    )
    to = serializers.CharField(help_text="A channel, a person, or ALERT_EMAILS.")
    why = serializers.ChoiceField(Message.Why.choices)
    told_at = serializers.DateTimeField(
        allow_null=True, help_text="Null: not reached yet, or not needed any more."
    )
    tries = serializers.IntegerField()
    error = serializers.SerializerMethodField(help_text="Why it was not taken.")

    def get_id(self, message: Message) -> str:
        return Mark(message.carried_by_id or message.pk).name

    def get_error(self, message: Message) -> str:
        return defused(message.error)


class Person(serializers.CharField):
    """Somebody by user name; null where it was nobody."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_null=True, **options)

    def to_representation(self, value: Any) -> str:
        return str(value.get_username())


class IncidentShape(Shape):
    """One incident as a row of the list."""

    id = serializers.IntegerField(source="pk")
    title = serializers.CharField()
    state = serializers.SerializerMethodField(
        help_text="open, acknowledged, or fixed once it is over."
    )
    kind = serializers.ChoiceField(Alert.Kind.choices)
    is_urgent = serializers.BooleanField(help_text="No quiet time holds it back.")
    flow = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    connection = serializers.CharField()
    cause = serializers.SerializerMethodField()
    record = serializers.SerializerMethodField(
        help_text="The failed record it began with, such as ERR-4821."
    )
    count = serializers.IntegerField(help_text="Records at its height.")
    money = serializers.SerializerMethodField(help_text="At its height, by currency.")
    team = serializers.SerializerMethodField()
    began_at = serializers.DateTimeField(source="began")
    raised_at = serializers.DateTimeField()
    told_at = serializers.DateTimeField(source="sent_at", allow_null=True)
    seen_at = serializers.DateTimeField(allow_null=True)
    seen_by = Person()
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    acknowledged_by = Person()
    taken_by = Person()
    fixed_at = serializers.DateTimeField(source="closed_at", allow_null=True)
    links = serializers.SerializerMethodField()

    @extend_schema_field(serializers.ChoiceField(STATES))
    def get_state(self, alert: Alert) -> str:
        if not alert.is_open:
            return "fixed"
        return "acknowledged" if alert.acknowledged_at else "open"

    @extend_schema_field(CauseName(allow_null=True))
    def get_cause(self, alert: Alert) -> Any:
        cause = alert.cause
        if cause is None:
            return None
        return {"id": cause.pk, "human_id": cause.human_id, "text": cause.sentence}

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_record(self, alert: Alert) -> Any:
        return alert.line.human_id if alert.line else None

    @extend_schema_field(Money(many=True))
    def get_money(self, alert: Alert) -> Any:
        return [shown_money(total, name) for total, name in wording.sums(alert.money)]

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_team(self, alert: Alert) -> Any:
        return alert.team.name if alert.team else None

    @extend_schema_field(Links)
    def get_links(self, alert: Alert) -> Any:
        api = reverse("api:incidents-detail", args=[alert.pk])
        return {"page": page_of(alert), "api": settings.SITE_URL + api}


class IncidentDetail(IncidentShape):
    """An incident with its text and all that was told of it."""

    text = serializers.SerializerMethodField()
    rule = serializers.SerializerMethodField(help_text="The rule that chose the team.")
    messages = Told(many=True)

    def get_text(self, alert: Alert) -> str:
        return "\n".join(defused(line) for line in alert.text.splitlines())

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_rule(self, alert: Alert) -> Any:
        return alert.rule.name if alert.rule else None


@extend_schema_serializer(many=False)
class IncidentPage(Shape):
    """A page of incidents, newest first."""

    results = IncidentShape(many=True)
    next = serializers.CharField()


class Answered(Shape):
    """What came of it, and how the incident stands now."""

    changed = serializers.BooleanField(help_text="False: it was so before.")
    assigned = serializers.IntegerField(help_text="So many records are yours now.")
    incident = IncidentShape()
