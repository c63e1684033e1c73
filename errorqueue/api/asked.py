"""What may be sent; each field says what it takes."""

from typing import Any

from rest_framework import serializers

from errorqueue.bulk.running import CANARY
from errorqueue.failures import Start
from errorqueue.models import Alert, BulkRun, Cause, Recipe
from errorqueue.people import colleagues
from errorqueue.tabs import ORDERS, TABS

Verb = BulkRun.Verb
STARTS = [
    (Start.MAPPING.value, "Map it anew, then send it"),
    (Start.SENT.value, "Send again exactly what was sent the last time"),
    (Start.LOOK.value, "Look at the target first, send only what is not there"),
]
MOST_IDS = 10_000
# What a database takes for an id, and for a count.
HIGHEST, MOST = 2**63 - 1, 2**31 - 1


class Strict(serializers.Serializer[Any]):
    """Refuses what it does not know: a misspelt field must not be passed over."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = sorted(set(data) - set(self.fields)) if isinstance(data, dict) else []
        if unknown:
            known = ", ".join(self.fields)
            text = f"There is no such field. Those that can be sent: {known}."
            raise serializers.ValidationError({name: [text] for name in unknown})
        return super().to_internal_value(data)


def colleague(*, required: bool) -> Any:
    """Return the field for somebody who sees the error queue, by user name."""
    return serializers.SlugRelatedField(
        slug_field="username",
        queryset=colleagues(),
        allow_null=True,
        required=required,
        help_text="A user name; null for nobody.",
        error_messages={
            "does_not_exist": "Nobody who sees the error queue has the user name {value}."
        },
    )


class Page(Strict):
    """How much of a list, and from where."""

    cursor = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=200,
        help_text="`next` of the page before.",
    )
    size = serializers.IntegerField(
        required=False, default=50, min_value=1, max_value=200, help_text="1 to 200."
    )


class LineList(Page):
    """Which failed records, and in which order."""

    tab = serializers.ChoiceField(
        [(tab.key, tab.label) for tab in TABS],
        required=False,
        default="open",
        help_text="The tab of the console.",
    )
    q = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=500,
        help_text="The search of the console: `order:10412 sku:ABC age:>4h -tag:vip`.",
    )
    ordering = serializers.ChoiceField(
        [(order.key, order.label) for order in ORDERS],
        required=False,
        default="last",
        help_text="What is settled is newest first, whatever is asked.",
    )


class CauseList(Page):
    """Which causes."""

    q = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=200,
        help_text="Words of the text, of the field or of the value.",
    )  # fmt: skip
    all = serializers.BooleanField(
        required=False, default=False, help_text="Also those without an open record."
    )


class IncidentList(Page):
    """Which incidents."""

    state = serializers.ChoiceField(
        [
            ("open", "Not over yet"),
            ("unanswered", "Not over, and nobody has acknowledged"),
            ("fixed", "Over"),
            ("all", "All"),
        ],
        required=False,
        default="open",
        help_text="How it stands.",
    )
    kind = serializers.ChoiceField(
        Alert.Kind.choices, required=False, default="", help_text="What it is about."
    )
    flow = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=120,
        help_text="The exact name of a flow.",
    )  # fmt: skip
    connection = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=120,
        help_text="The exact name of the connection that is in trouble.",
    )  # fmt: skip


class Nothing(Strict):
    """No body is needed."""


class Retry(Strict):
    """How the retry shall go; an empty body is what one click does."""

    start = serializers.ChoiceField(
        STARTS, required=False, help_text="Where it begins."
    )
    version = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=HIGHEST,
        help_text="A mapping version to go by once.",
    )
    reason = serializers.CharField(
        required=False, allow_blank=True, max_length=300, default=""
    )


class Reason(Strict):
    """Why it is closed; the auditor reads it later."""

    reason = serializers.CharField(
        max_length=300, help_text="Who decided, and where it is handled."
    )


class Undo(Strict):
    """Which step to take back."""

    action = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=HIGHEST,
        help_text="Empty: your newest step on this record.",
    )


class Comment(Strict):
    """What to say about it."""

    text = serializers.CharField(max_length=5_000)


class Assign(Strict):
    """Who shall have it."""

    assignee = colleague(required=True)
    reason = serializers.CharField(
        required=False, allow_blank=True, max_length=300, default=""
    )


class Snooze(Strict):
    """Until when it may wait."""

    until = serializers.DateTimeField(
        allow_null=True, help_text="With its zone, at most 90 days on; null wakes it."
    )
    wakes_when_green = serializers.BooleanField(
        required=False, default=False, help_text="Earlier, as soon as it would pass."
    )
    reason = serializers.CharField(
        required=False, allow_blank=True, max_length=300, default=""
    )


class Wish(Strict):
    """A verb and the records it is meant for: exactly one of ids, cause and filter."""

    verb = serializers.ChoiceField(Verb.choices)
    ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=HIGHEST),
        required=False,
        min_length=1,
        max_length=MOST_IDS,
        help_text="These records.",
    )
    cause = serializers.PrimaryKeyRelatedField(
        queryset=Cause.objects.all(),
        required=False,
        help_text="All open records of this cause.",
        error_messages={"does_not_exist": "There is no cause {pk_value}."},
    )
    tab = serializers.ChoiceField(
        [(tab.key, tab.label) for tab in TABS], required=False, help_text="With `q`."
    )
    q = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=500,
        help_text="All open records that this search finds; asked again at the start.",
    )

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        by_filter = "q" in given or "tab" in given
        ways = sum(("ids" in given, "cause" in given, by_filter))
        if ways != 1:
            raise serializers.ValidationError(
                {"q": "Name the records in one way: ids, cause, or q with tab."}
            )
        return given


class StartRun(Wish):
    """A plan that was looked at, and what the verb needs."""

    seen = serializers.IntegerField(
        min_value=0, max_value=MOST, help_text="`seen` of the plan."
    )
    newest = serializers.IntegerField(
        min_value=0, max_value=HIGHEST, help_text="`newest` of the plan."
    )
    reason = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=300,
        default="",
        help_text="Needed to exclude and to resolve.",
    )
    with_canary = serializers.BooleanField(
        required=False, default=True, help_text=f"Try the oldest {CANARY} first."
    )
    start = serializers.ChoiceField(STARTS, required=False, help_text="For retries.")
    version = serializers.IntegerField(
        required=False, min_value=1, max_value=HIGHEST, help_text="For retries."
    )
    assignee = colleague(required=False)
    tag = serializers.SlugField(required=False, max_length=40, help_text="For tag.")
    until = serializers.DateTimeField(required=False, help_text="For snooze.")
    wakes_when_green = serializers.BooleanField(required=False, help_text="For snooze.")
    recipe = serializers.PrimaryKeyRelatedField(
        queryset=Recipe.objects.filter(verb=Recipe.Verb.MEND),
        required=False,
        help_text="For mend: the known fix to apply.",
        error_messages={"does_not_exist": "There is no such known fix {pk_value}."},
    )
