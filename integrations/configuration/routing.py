"""Rules of the error queue: who gets new failures, and until when they are due."""

from decimal import Decimal
from typing import Any

from errorqueue import people
from errorqueue.models import RoutingRule, Tag, Team
from integrations.configuration.changes import Changes, put
from integrations.configuration.identity import known, names_of
from integrations.configuration.problems import Problems, suggest
from integrations.configuration.schema import ROUTING, Wanted
from integrations.configuration.values import Item

EMPTY: tuple[Any, ...] = ("", None, [])
GIVEN = ("assign_to", "due_hours", "tags")
COLUMNS = tuple(name for name in ROUTING if name not in ("assign_to", "team", "tags"))


def check_routing(wanted: Wanted, problems: Problems) -> None:
    names = set(people.colleagues().values_list("username", flat=True))
    for item in wanted.routing:
        who = item.get("assign_to")
        if who and who not in names:
            text = f"Nobody with the name “{who}” works on the error queue."
            problems.add(item.at("assign_to"), text, suggest(who, names))
        if not any(item.get(key) for key in GIVEN):
            text = "This rule gives nothing."
            problems.add(item.node.place, text, f"Add one of {', '.join(GIVEN)}.")
        hours = item.get("due_hours")
        if hours is not None and hours <= 0:
            text = "A due time is more than 0 hours."
            problems.add(item.at("due_hours"), text, "Write hours, for example 4.")


def check_routed(wanted: Wanted, problems: Problems) -> None:
    """Note each flow and team that neither the files nor the console have."""
    flows, teams = names_of("flows", wanted), known("teams", wanted)
    for item in wanted.routing:
        check_named(item, "flow", "flow", flows, problems)
        check_named(item, "team", "team", teams, problems)


def check_named(
    item: Item, key: str, thing: str, names: set[str], problems: Problems
) -> None:
    """Note a name that belongs to nothing; what is empty means anything."""
    name = item.get(key)
    if name and name not in names:
        text = f"There is no {thing} “{name}” in the files or in the console."
        problems.add(item.at(key), text, suggest(name, names) or f"Add the {thing}.")


def apply_routing(wanted: Wanted, changes: Changes) -> None:
    for item in wanted.routing:
        name = item.get("name")
        rule = RoutingRule.objects.filter(name=name).first() or RoutingRule()
        put(rule, f"routing rule {name}", _columns(item), item, changes)
        if "tags" in item.values:
            _apply_tags(rule, item, changes)


def _columns(item: Item) -> dict[str, Any]:
    columns = item.only(COLUMNS)
    if "assign_to" in item.values:
        who = item.get("assign_to")
        columns["assign_to"] = people.colleagues().filter(username=who).first()
    if "team" in item.values:
        columns["team"] = Team.objects.filter(name=item.get("team")).first()
    return columns


def _apply_tags(rule: RoutingRule, item: Item, changes: Changes) -> None:
    asked = {name.lower() for name in item.get("tags")}
    stored = {tag.name for tag in rule.tags.all()}
    if asked == stored:
        return
    rule.tags.set(Tag.objects.get_or_create(name=name)[0] for name in sorted(asked))
    words = ", ".join(sorted(asked)) or "none"
    changes.add(f"routing rule {rule.name}", f"tags: {words}")


def export_routing() -> list[dict[str, Any]]:
    """Return the rules; one for a single cause stays, a cause is not configured."""
    rules = RoutingRule.objects.filter(cause=None).order_by("order", "name")
    return [_exported(rule) for rule in rules.prefetch_related("tags")]


def _exported(rule: RoutingRule) -> dict[str, Any]:
    columns = {name: _written(getattr(rule, name)) for name in COLUMNS}
    if rule.assign_to:
        columns["assign_to"] = rule.assign_to.get_username()
    if rule.team:
        columns["team"] = rule.team.name
    columns["tags"] = sorted(tag.name for tag in rule.tags.all())
    return {name: value for name, value in columns.items() if value not in EMPTY}


def _written(value: Any) -> Any:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value
