"""What can be asked of the queue: each qualifier reads its value into a condition."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Exists, OuterRef, Q

from errorqueue import values
from errorqueue.failures import FailureKind, Light
from errorqueue.keys import folded
from errorqueue.models import BulkItem, BulkRun, Cause, FailedRecord, LineKey, Tag
from errorqueue.models.failed import IS_OPEN
from errorqueue.tabs import Asker

Name = LineKey.Name
Status = FailedRecord.Status
# No text sorts behind it: the end of what begins with a word.
LAST = "\U0010ffff"
MOST_CAUSES = 200
# More lines than these are not named one by one in a query.
MOST_NAMED = 2_000
HUMAN_ID = re.compile(r"(?:err-?)?([0-9]{1,18})", re.IGNORECASE)
CAUSE_ID = re.compile(r"(?:cause-)?([0-9]{1,18})", re.IGNORECASE)
# An external id ends with the source's own id; short numbers end SKUs as well.
EXTERNAL_ID = re.compile(r"-.*-(\d{6,})$")
SPAN = re.compile(r"([<>])=?([0-9]{1,4})(m|h|d|w)")
UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
NUMBER = r"([0-9]{1,15}(?:\.[0-9]{1,4})?)"
SUM = re.compile(rf"(<=|>=|<|>|=)?{NUMBER}")
RANGE = re.compile(rf"{NUMBER}\.\.{NUMBER}")
COMPARED = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte", "=": "exact", None: "exact"}


class Wrong(ValueError):
    """A value that cannot be read; the text names the qualifier and the remedy."""


@dataclass(frozen=True)
class Qualifier:
    """One thing to ask by: its name, what it means, an example, how it is read.

    `is_list` says that several values, separated by commas, mean any of them;
    `is_narrow` that an index finds few lines by it, among millions that are closed.
    """

    name: str
    help: str
    example: str
    read: Callable[[list[str], Asker], Q]
    is_list: bool = True
    is_narrow: bool = True


def begins(word: str) -> Q:
    """Return the condition for keys that begin with `word`, as the index takes it."""
    if connection.vendor == "postgresql":
        return Q(value__startswith=word)
    return Q(value__gte=word, value__lt=word + LAST)


def known_by(words: Iterable[str], asker: Asker, *names: str) -> Q:
    """Return the condition for lines known by something that begins with a word."""
    found = Q()
    for word in words:
        found |= begins(folded(word))
    return _lines_with(found & Q(name__in=names or Name.values), asker)


def _lines_with(keys: Q, asker: Asker) -> Q:
    """Return the condition for lines with such keys.

    Few lines are named by their ids. Many are looked for while the list is gone
    along, which meets them soon: to collect them all first would cost the more, the
    more there are.
    """
    rows = LineKey.objects.filter(keys)
    if asker.is_open_only:
        rows = rows.filter(is_open=True)
    lines = list(rows.order_by().values_list("line", flat=True)[: MOST_NAMED + 1])
    if len(lines) <= MOST_NAMED:
        return Q(pk__in=sorted(set(lines)))
    return Q(Exists(rows.filter(line=OuterRef("pk"))))


def is_wide(found: Q) -> bool:
    """Say whether a condition finds so many lines that they are not named."""
    return any(isinstance(child, Exists) for child in found.children)


def unless(found: Q) -> Q:
    """Return the opposite of a condition.

    NOT IN would collect the whole sub-select first; NOT EXISTS asks it per line.
    """
    if len(found.children) == 1 and isinstance(found.children[0], tuple):
        name, inner = found.children[0]
        if name == "pk__in" and hasattr(inner, "query"):
            column = inner.query.values_select[0]
            return Q(~Exists(inner.filter(**{column: OuterRef("pk")})))
    return ~found


def free_word(word: str, asker: Asker) -> Q:
    """Return what a word without a qualifier finds: any key, or a line by its id.

    The id of a document at the target ends with the id of its source.
    """
    if named := re.fullmatch(r"err-?([0-9]{1,18})", word, re.IGNORECASE):
        return Q(pk=int(named[1]))
    wanted = begins(folded(word))
    if external := EXTERNAL_ID.search(word):
        wanted |= Q(name=Name.SOURCE_ID, value=external[1])
    return _lines_with(wanted & Q(name__in=Name.values), asker)


def _key(name: str, meaning: str, example: str) -> Qualifier:
    return Qualifier(
        name, meaning, example, lambda words, asker: known_by(words, asker, name)
    )


def _one_of(name: str, words: list[str], choices: dict[str, Q]) -> Q:
    found = Q()
    for word in words:
        if word.casefold() not in choices:
            raise Wrong(f"{name}:{word} is not known. Use {_listed(name, choices)}.")
        found |= choices[word.casefold()]
    return found


def _listed(name: str, choices: Iterable[str]) -> str:
    return ", ".join(f"{name}:{choice}" for choice in choices)


KINDS = {kind.value: Q(kind=kind.value) for kind in FailureKind}
LIGHTS = {
    **{light.value: IS_OPEN & Q(preflight=light.value) for light in Light},
    "none": IS_OPEN & Q(preflight=""),
}
STATUSES = {
    "person": Q(status=Status.FAILED),
    "auto": Q(status=Status.WAITING),
    "queued": Q(status=Status.RETRYING),
    "blocked": Q(status=Status.BLOCKED),
    "resolved": Q(status=Status.RESOLVED),
    "excluded": Q(status=Status.EXCLUDED),
    "open": IS_OPEN,
    "settled": Q(status__in=(Status.RESOLVED, Status.EXCLUDED)),
}
# The stored names are understood too.
ALIASES = {
    "failed": STATUSES["person"],
    "waiting": STATUSES["auto"],
    "retrying": STATUSES["queued"],
}


def _is(words: list[str], asker: Asker) -> Q:
    asleep = Q(snoozed_until__gt=asker.now)
    choices = {
        "unknown": IS_OPEN & Q(is_unknown=True),
        "blocked": STATUSES["blocked"],
        "snoozed": IS_OPEN & asleep,
        "late": IS_OPEN & Q(due_at__lt=asker.now),
        "assigned": Q(assignee__isnull=False),
        "mine": Q(assignee=asker.user),
        "open": IS_OPEN,
        "settled": STATUSES["settled"],
    }
    return _one_of("is", words, choices)


def _status(words: list[str], asker: Asker) -> Q:
    hidden = [ALIASES[word] for word in words if word in ALIASES]
    shown = _one_of("status", [word for word in words if word not in ALIASES], STATUSES)
    for found in hidden:
        shown |= found
    return shown


def _flow(words: list[str], asker: Asker) -> Q:
    known = values.flows()
    wanted = [flow for flow in known if _starts(flow, words)]
    if not wanted:
        some = ", ".join(f'"{flow}"' for flow in known[:5]) or "none yet"
        raise Wrong(f"No flow begins with “{words[0]}”. Flows with failures: {some}.")
    return Q(flow__in=wanted)


def _starts(text: str, words: list[str]) -> bool:
    return any(text.casefold().startswith(word.casefold()) for word in words)


def _cause(words: list[str], asker: Asker) -> Q:
    named, text = Q(), Q()
    for word in words:
        if found := CAUSE_ID.fullmatch(word):
            named |= Q(pk=int(found[1]))
        else:
            text |= Q(text__icontains=word) | Q(value__icontains=word)
            text |= Q(field__icontains=word)
    rows = Cause.objects.filter(named | text).order_by("-open_count", "-pk")
    found_causes = rows.values_list("pk", "merged_into")[: MOST_CAUSES + 1]
    wanted = {merged or pk for pk, merged in found_causes}
    if len(wanted) > MOST_CAUSES:
        raise Wrong(
            f"cause:{words[0]} fits more than {MOST_CAUSES} causes: use more of its "
            "words in quotes, or its number, such as cause:CAUSE-12."
        )
    return Q(cause__in=sorted(wanted))


def _tag(words: list[str], asker: Asker) -> Q:
    found = dict(
        Tag.objects.filter(name__in=[word.casefold() for word in words]).values_list(
            "name", "pk"
        )
    )
    for word in words:
        if word.casefold() not in found:
            raise Wrong(f"There is no tag “{word}” yet: check its spelling.")
    through = FailedRecord.tags.through.objects.filter(tag__in=sorted(found.values()))
    return Q(pk__in=through.values("failedrecord"))


def _assignee(words: list[str], asker: Asker) -> Q:
    found = Q()
    for word in words:
        if word == "me":
            found |= Q(assignee=asker.user)
        elif word == "none":
            found |= Q(assignee=None)
        else:
            found |= Q(assignee__in=_people(word))
    return found


def _people(word: str) -> list[Any]:
    people = get_user_model().objects.filter(
        Q(username__istartswith=word)
        | Q(first_name__istartswith=word)
        | Q(last_name__istartswith=word)
    )
    wanted = list(people.values_list("pk", flat=True)[:50])
    if not wanted:
        raise Wrong(
            f"Nobody's name begins with “{word}”. Use assignee:me, assignee:none or "
            "the user name of a colleague."
        )
    return wanted


def _span(name: str, word: str) -> tuple[str, timedelta]:
    found = SPAN.fullmatch(word.casefold())
    if not found:
        raise Wrong(
            f"{name}:{word} is no time. Write < or >, a number and m, h, d or w, "
            f"such as {name}:{'>4h' if name == 'age' else '<2h'}."
        )
    return found[1], timedelta(**{UNITS[found[3]]: int(found[2])})


def _age(words: list[str], asker: Asker) -> Q:
    sign, span = _span("age", words[0])
    at = asker.now - span
    if sign == ">":
        return Q(first_failed_at__lt=at)
    # What failed first since then failed last since then: an index is by that.
    return Q(first_failed_at__gt=at, last_failed_at__gt=at)


def _due(words: list[str], asker: Asker) -> Q:
    word = words[0].casefold()
    if word == "none":
        return Q(due_at=None)
    if word == "past":
        return Q(due_at__lt=asker.now)
    sign, span = _span("due", words[0])
    at = asker.now + span
    return Q(due_at__gt=at) if sign == ">" else Q(due_at__lt=at)


def _amount(words: list[str], asker: Asker) -> Q:
    word = words[0]
    if found := RANGE.fullmatch(word):
        return Q(amount__gte=Decimal(found[1]), amount__lte=Decimal(found[2]))
    if word.casefold() == "none":
        return Q(amount=None)
    found = SUM.fullmatch(word)
    if not found:
        raise Wrong(
            f"amount:{word} is no amount. Write it with a point and without a "
            "currency, such as amount:>500, amount:99.90 or amount:100..500."
        )
    return Q(**{f"amount__{COMPARED[found[1]]}": Decimal(found[2])})


def _bulk(words: list[str], asker: Asker) -> Q:
    number = words[0].lstrip("#")
    is_number = number.isascii() and number.isdecimal() and len(number) < 18
    if not is_number or not BulkRun.objects.filter(pk=int(number)).exists():
        raise Wrong(f"There is no bulk run {number}: see its number under Bulk runs.")
    again = BulkItem.objects.filter(run=int(number), state=BulkItem.State.FAILED)
    return Q(pk__in=again.values("line"))


def _behind(words: list[str], asker: Asker) -> Q:
    return Q(blocked_by__in=_ids("behind", words))


def _err(words: list[str], asker: Asker) -> Q:
    return Q(pk__in=_ids("err", words))


def _ids(name: str, words: list[str]) -> list[int]:
    found = [HUMAN_ID.fullmatch(word) for word in words]
    if not all(found):
        raise Wrong(f"{name}:{words[0]} names no line. Write it as {name}:ERR-4821.")
    return [int(one[1]) for one in found if one]


ALL = (
    _key("order", "Order number", "order:10412"),
    _key("sku", "SKU of a line", "sku:ABC"),
    _key("customer", "Customer's name", 'customer:"Acme Ltd"'),
    _key("email", "E-mail address", "email:jane@example.com"),
    _key("field", "Field that is wrong", "field:shipMethod"),
    _key("source", "Id at the source", "source:5123400042"),
    _key("target", "Id at the target", "target:7009"),
    _key("external", "External id", "external:shopify-acme-order-5123400042"),
    Qualifier("cause", "Words or number of the cause", 'cause:"ship method"', _cause),
    Qualifier(
        "kind",
        "Kind of failure",
        "kind:mapping",
        lambda words, asker: _one_of("kind", words, KINDS),
        is_narrow=False,
    ),
    Qualifier(
        "flow",
        "Name of the flow",
        'flow:"Orders to NetSuite"',
        _flow,
        is_narrow=False,
    ),
    Qualifier("age", "Time since it first failed", "age:>4h", _age, False, False),
    Qualifier("due", "Time until it is due", "due:<2h", _due, False, False),
    Qualifier("amount", "Money at stake", "amount:>500", _amount, False, False),
    Qualifier("assignee", "Who has it", "assignee:me", _assignee),
    Qualifier("tag", "Tag", "tag:vip", _tag),
    Qualifier(
        "light",
        "What the pre-flight said",
        "light:green",
        lambda words, asker: _one_of("light", words, LIGHTS),
        is_narrow=False,
    ),
    Qualifier("status", "Where it stands", "status:person", _status, is_narrow=False),
    Qualifier(
        "is", "Unknown, blocked, snoozed, late …", "is:unknown", _is, is_narrow=False
    ),
    Qualifier("bulk", "Failed again in a bulk run", "bulk:37", _bulk, False),
    Qualifier("behind", "Waits behind another line", "behind:ERR-4821", _behind),
    Qualifier("err", "Number of the line", "err:4821", _err),
)
QUALIFIERS = {qualifier.name: qualifier for qualifier in ALL}
