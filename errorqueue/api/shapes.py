"""What is answered; each shape says what may be read by whom."""

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.urls import reverse
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from errorqueue import wording
from errorqueue.failures import KIND_CHOICES, LIGHT_CHOICES, Try
from errorqueue.masking import masked, masked_email, masked_problems
from errorqueue.models import BulkRun, Cause, FailedRecord

Shape = serializers.Serializer[Any]


class Money(Shape):
    """An amount as text, digit for digit, and its ISO 4217 currency."""

    amount = serializers.CharField()
    currency = serializers.CharField()


class Links(Shape):
    page = serializers.URLField(help_text="The page in the console.")
    api = serializers.URLField(help_text="This record here.")


class Light(Shape):
    """What the last pre-flight said: would a retry pass now?"""

    light = serializers.ChoiceField(LIGHT_CHOICES)
    note = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)


class CauseName(Shape):
    id = serializers.IntegerField()
    human_id = serializers.CharField()
    text = serializers.CharField()


class LineShape(Shape):
    """One failed record as a row of the list."""

    id = serializers.IntegerField(source="pk")
    human_id = serializers.CharField(help_text="As people call it: ERR-4821.")
    sentence = serializers.CharField(help_text="What failed, in business words.")
    status = serializers.ChoiceField(FailedRecord.Status.choices)
    kind = serializers.ChoiceField(KIND_CHOICES, help_text="Who or what can help.")
    is_open = serializers.BooleanField()
    is_unknown = serializers.BooleanField(
        help_text="The target may have it all the same."
    )
    flow = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    target = serializers.CharField()
    entity = serializers.CharField()
    source_id = serializers.CharField()
    reference = serializers.CharField()
    party = serializers.CharField(help_text="The customer.")
    email = serializers.SerializerMethodField()
    money = serializers.SerializerMethodField()
    field = serializers.CharField(help_text="The field path at the target.")
    cause = serializers.SerializerMethodField()
    assignee = serializers.SerializerMethodField()
    tags = serializers.SerializerMethodField()
    light = serializers.SerializerMethodField()
    tries = serializers.IntegerField()
    tries_allowed = serializers.IntegerField()
    next_try_at = serializers.DateTimeField(allow_null=True)
    first_failed_at = serializers.DateTimeField()
    last_failed_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField(allow_null=True)
    snoozed_until = serializers.DateTimeField(allow_null=True)
    settled_at = serializers.DateTimeField(allow_null=True)
    settled_how = serializers.CharField(help_text="The proof, once it is settled.")
    links = serializers.SerializerMethodField()

    @property
    def _user(self) -> Any:
        return self.context["request"].user

    def get_email(self, line: FailedRecord) -> str:
        return masked_email(line.email, self._user)

    @extend_schema_field(Money(allow_null=True))
    def get_money(self, line: FailedRecord) -> Any:
        return shown_money(line.amount, line.currency)

    @extend_schema_field(CauseName(allow_null=True))
    def get_cause(self, line: FailedRecord) -> Any:
        cause = line.cause
        if cause is None:
            return None
        return {"id": cause.pk, "human_id": cause.human_id, "text": cause.sentence}

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_assignee(self, line: FailedRecord) -> Any:
        return line.assignee.get_username() if line.assignee else None

    def get_tags(self, line: FailedRecord) -> list[str]:
        return sorted(tag.name for tag in line.tags.all())

    @extend_schema_field(Light(allow_null=True))
    def get_light(self, line: FailedRecord) -> Any:
        if not line.preflight:
            return None
        return {
            "light": line.preflight,
            "note": line.preflight_note,
            "at": line.preflight_at,
        }

    @extend_schema_field(Links)
    def get_links(self, line: FailedRecord) -> Any:
        page = reverse("admin:errorqueue_failedrecord_change", args=[line.pk])
        api = reverse("api:failed-records-detail", args=[line.pk])
        return {"page": settings.SITE_URL + page, "api": settings.SITE_URL + api}


class Attempt(Shape):
    """One try to deliver it."""

    number = serializers.IntegerField()
    started_at = serializers.DateTimeField()
    milliseconds = serializers.IntegerField(allow_null=True)
    outcome = serializers.CharField()
    message = serializers.CharField()
    mapping = serializers.CharField(help_text="The mapping version it was made with.")


class Step(Shape):
    """What a person, or Waybill itself, did about it."""

    id = serializers.IntegerField()
    verb = serializers.CharField()
    by = serializers.CharField(allow_null=True, help_text="Null: Waybill itself.")
    at = serializers.DateTimeField()
    reason = serializers.CharField()
    undone_at = serializers.DateTimeField(allow_null=True)


class Fault(Shape):
    """One field that is wrong, and what makes it right."""

    target = serializers.CharField(help_text="Field path at the target.")
    source = serializers.CharField(  # type: ignore[assignment]
        help_text="Field path at the source."
    )
    line = serializers.IntegerField(allow_null=True, help_text="Line of the document.")
    value = serializers.CharField()
    rule = serializers.CharField()
    allowed = serializers.ListField(child=serializers.CharField())
    remedy = serializers.CharField()
    longest = serializers.IntegerField(allow_null=True)
    sources = serializers.ListField(
        child=serializers.CharField(), help_text="All places the value is made from."
    )
    sensitivity = serializers.CharField(
        help_text="What the mapping row is marked as; empty when it is not."
    )


class Answers(Shape):
    """The three questions: what failed, why, how to fix it."""

    what = serializers.CharField()
    why = serializers.CharField()
    remedy = serializers.CharField()


class LineDetail(LineShape):
    """Everything the page of a failed record tells, but for the payloads."""

    answers = serializers.SerializerMethodField()
    code = serializers.CharField(help_text="The vendor's code.")
    raw = serializers.SerializerMethodField(help_text="The vendor's answer, redacted.")
    problems = serializers.SerializerMethodField()
    attempts = serializers.SerializerMethodField()
    actions = serializers.SerializerMethodField()
    blocked_by = serializers.SerializerMethodField()
    ending = serializers.CharField(help_text="How it was closed; empty while open.")

    @extend_schema_field(Answers)
    def get_answers(self, line: FailedRecord) -> Any:
        return {
            "what": line.sentence,
            "why": masked(line.why, self._user, line.problems),
            "remedy": masked(line.remedy, self._user, line.problems),
        }

    def get_raw(self, line: FailedRecord) -> str:
        return masked(line.raw, self._user, line.problems)

    @extend_schema_field(Fault(many=True))
    def get_problems(self, line: FailedRecord) -> Any:
        return masked_problems(line.problems, self._user)

    @extend_schema_field(Attempt(many=True))
    def get_attempts(self, line: FailedRecord) -> Any:
        subject: Any = line.subject
        tries = subject.evidence().tries if subject else ()
        shown = [self._shown(one, line.problems) for one in tries]
        return Attempt(shown, many=True).data

    def _shown(self, one: Try, problems: Any) -> dict[str, Any]:
        return {
            "number": one.number,
            "started_at": one.started_at,
            "milliseconds": one.milliseconds,
            "outcome": one.outcome,
            "message": masked(one.message, self._user, problems),
            "mapping": one.mapping,
        }

    @extend_schema_field(Step(many=True))
    def get_actions(self, line: FailedRecord) -> Any:
        found = line.actions.select_related("by")
        return Step([shown_step(one) for one in found], many=True).data

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_blocked_by(self, line: FailedRecord) -> Any:
        return line.blocked_by.human_id if line.blocked_by else None


@extend_schema_serializer(many=False)
class LinePage(Shape):
    """A page of failed records."""

    results = LineShape(many=True)
    next = serializers.CharField(
        help_text="The cursor of the next page; empty on the last one."
    )


class CauseShape(Shape):
    """Many failed records with one reason."""

    id = serializers.IntegerField(source="pk")
    human_id = serializers.CharField()
    text = serializers.CharField()
    kind = serializers.ChoiceField(KIND_CHOICES)
    field = serializers.CharField()
    value = serializers.SerializerMethodField("masked_value")
    remedy = serializers.CharField()
    open_count = serializers.IntegerField()
    total_count = serializers.IntegerField()
    money = serializers.SerializerMethodField(help_text="At stake, by currency.")
    trend = serializers.ListField(
        child=serializers.IntegerField(), help_text="New ones of each of 14 days."
    )
    owner = serializers.SerializerMethodField()
    merged_into = serializers.IntegerField(source="merged_into_id", allow_null=True)
    oldest_open_at = serializers.DateTimeField(allow_null=True)
    first_seen_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()

    def masked_value(self, cause: Cause) -> str:
        user = self.context["request"].user
        told = masked_problems([{"target": cause.field, "value": cause.value}], user)
        return str(told[0]["value"])

    @extend_schema_field(Money(many=True))
    def get_money(self, cause: Cause) -> Any:
        return [shown_money(total, name) for total, name in wording.sums(cause.money)]

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_owner(self, cause: Cause) -> Any:
        return cause.owner.get_username() if cause.owner else None


@extend_schema_serializer(many=False)
class CausePage(Shape):
    """A page of causes, those with most open records first."""

    results = CauseShape(many=True)
    next = serializers.CharField()


class Done(Shape):
    """What was done, and how the record stands now."""

    action = serializers.IntegerField(
        allow_null=True, help_text="Give it to `undo` within a minute."
    )
    record = LineShape()


class Checked(Shape):
    """What a retry would meet now; nothing was written anywhere."""

    light = serializers.ChoiceField(LIGHT_CHOICES)
    note = serializers.CharField()
    problems = Fault(many=True)
    record = LineShape()


class Count(Shape):
    name = serializers.CharField()
    count = serializers.IntegerField()


class PlanShape(Shape):
    """What a bulk run would do. Give `seen` and `newest` back to start it."""

    verb = serializers.CharField()
    seen = serializers.IntegerField(help_text="So many open records match.")
    newest = serializers.IntegerField(help_text="The highest id counted.")
    money = serializers.ListField(child=serializers.CharField())
    kinds = Count(many=True)
    lights = Count(many=True)
    blocked = serializers.IntegerField()
    minutes = serializers.IntegerField(
        allow_null=True, help_text="At today's slots; null when nothing tells."
    )
    oldest = serializers.DateTimeField(allow_null=True)
    sample = serializers.ListField(child=serializers.CharField())


class ProgressShape(Shape):
    """How far a run is."""

    total = serializers.IntegerField()
    waiting = serializers.IntegerField()
    queued = serializers.IntegerField()
    done = serializers.IntegerField()
    failed = serializers.IntegerField()
    skipped = serializers.IntegerField()
    undone = serializers.IntegerField()
    percent = serializers.IntegerField()
    state = serializers.ChoiceField(BulkRun.State.choices)
    note = serializers.CharField()
    is_moving = serializers.BooleanField()
    undo_seconds = serializers.IntegerField()
    sentence = serializers.CharField()


class RunShape(Shape):
    """One verb over many records."""

    id = serializers.IntegerField(source="pk")
    title = serializers.CharField()
    verb = serializers.ChoiceField(BulkRun.Verb.choices)
    state = serializers.ChoiceField(BulkRun.State.choices)
    note = serializers.CharField(
        help_text="What changed since the plan, who paused it."
    )
    reason = serializers.CharField()
    seen = serializers.IntegerField()
    total = serializers.IntegerField()
    with_canary = serializers.BooleanField()
    by = serializers.SerializerMethodField()
    made_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_by(self, run: BulkRun) -> Any:
        return run.by.get_username() if run.by else None


class RunDetail(RunShape):
    """A bulk run with its plan and how far it is."""

    plan = serializers.JSONField(help_text="What was planned, to compare afterwards.")
    progress = ProgressShape()


@extend_schema_serializer(many=False)
class RunPage(Shape):
    """A page of bulk runs, newest first."""

    results = RunShape(many=True)
    next = serializers.CharField()


def shown_money(amount: Decimal | None, currency: str) -> dict[str, str] | None:
    """Return an amount as text, so that no digit is lost on the way."""
    if amount is None:
        return None
    return {"amount": wording.digits(amount, currency), "currency": currency}


def shown_step(action: Any) -> dict[str, Any]:
    return {
        "id": action.pk,
        "verb": action.verb,
        "by": action.by.get_username() if action.by else None,
        "at": action.at,
        "reason": action.reason,
        "undone_at": action.undone_at,
    }
