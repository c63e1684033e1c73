"""Who gets a new failure, until when it is due, which tags it carries."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from errorqueue.alerting.hours import hours_of
from errorqueue.models import FailedRecord, RoutingRule

# However long a failure may take, so long before its end is soon.
MOST_WARNING = timedelta(hours=2)


def route(line: FailedRecord) -> None:
    """Give a new line its assignee, due time and tags by the rules.

    Each of the three comes from the first rule that matches and gives it; the owner
    of the cause comes before any rule.
    """
    rules = [rule for rule in _rules() if matches(rule, line)]
    owner = line.cause.owner if line.cause else None
    line.assignee = owner or next(
        (rule.assign_to for rule in rules if rule.assign_to), None
    )
    timed = next((rule for rule in rules if rule.due_hours is not None), None)
    if timed:
        line.due_at = due_by(timed, line.first_failed_at)
        line.warn_at = warned_by(timed, line.first_failed_at)
    line.save(update_fields=["assignee", "due_at", "warn_at"])
    tagged = next((tags for rule in rules if (tags := list(rule.tags.all()))), [])
    line.tags.add(*tagged)


def matches(rule: RoutingRule, line: FailedRecord) -> bool:
    """Say whether a rule speaks of a line; an empty condition always holds."""
    enough = rule.min_amount is None or (line.amount or 0) >= rule.min_amount
    return (
        rule.kind in ("", line.kind)
        and rule.flow in ("", line.flow)
        and rule.entity in ("", line.entity)
        and line.field.startswith(rule.field)
        and rule.cause_id in (None, line.cause_id)
        and enough
    )


def due_by(rule: RoutingRule, since: datetime) -> datetime:
    """Return when a failure is due: by the clock of the rule's team if it has one."""
    return _after(rule, since, timedelta(hours=float(rule.due_hours or 0)))


def warned_by(rule: RoutingRule, since: datetime) -> datetime | None:
    """Return when a team hears that a failure is due soon: at three quarters."""
    if rule.team is None:
        return None
    whole = timedelta(hours=float(rule.due_hours or 0))
    return _after(rule, since, whole - min(whole / 4, MOST_WARNING))


def _after(rule: RoutingRule, since: datetime, work: timedelta) -> datetime:
    return hours_of(rule.team).after(since, work) if rule.team else since + work


def _rules() -> list[RoutingRule]:
    active = RoutingRule.objects.filter(is_active=True)
    return list(active.select_related("assign_to", "team").prefetch_related("tags"))


def sentence(rule: RoutingRule) -> str:
    """Say a rule in words: whom it is about, who gets them, until when they are due."""
    kind = f"{rule.get_kind_display()} failures" if rule.kind else "All failures"
    about = [kind]
    if rule.flow:
        about.append(f"of {rule.flow}")
    if rule.entity:
        about.append(f"about {rule.entity} records")
    if rule.field:
        about.append(f"at fields that begin with {rule.field}")
    if rule.cause:
        about.append(f"with {rule.cause.human_id} “{rule.cause.sentence}”")
    if rule.min_amount is not None:
        about.append(f"of {_plain(rule.min_amount)} or more")
    given = list(_given(rule)) or ["get nothing: give them a person, a time or tags"]
    return f"{' '.join(about)} {_listed(given)}."


def _given(rule: RoutingRule) -> Iterator[str]:
    if rule.assign_to:
        yield f"go to {rule.assign_to}"
    if rule.due_hours is not None:
        clock = f" of the working time of {rule.team}" if rule.team else ""
        yield f"are due in {_plain(rule.due_hours)} h{clock}"
    if tags := [tag.name for tag in rule.tags.all()]:
        yield f"are tagged {', '.join(tags)}"


def _listed(parts: list[str]) -> str:
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last


def _plain(number: Decimal) -> str:
    return f"{number.normalize():,f}"
