"""Rules of alerts: which incidents go to which team."""

from decimal import Decimal
from typing import Any

from errorqueue.models import AlertRule, Team
from integrations.configuration.changes import Changes, put
from integrations.configuration.identity import known, names_of
from integrations.configuration.problems import Problems
from integrations.configuration.routing import EMPTY, check_named
from integrations.configuration.schema import ALERT_RULE, Wanted

COLUMNS = tuple(name for name in ALERT_RULE if name != "team")


def check_alert_rules(wanted: Wanted, problems: Problems) -> None:
    for item in wanted.alert_rules:
        amount = item.get("min_amount")
        if amount is not None and amount < 0:
            text = "An amount is 0 or more."
            problems.add(item.at("min_amount"), text, "Write it without a sign.")


def check_ruled(wanted: Wanted, problems: Problems) -> None:
    """Note each flow, connection and team that is nowhere."""
    flows, teams = names_of("flows", wanted), known("teams", wanted)
    connections = names_of("connections", wanted)
    for item in wanted.alert_rules:
        check_named(item, "flow", "flow", flows, problems)
        check_named(item, "connection", "connection", connections, problems)
        check_named(item, "team", "team", teams, problems)


def apply_alert_rules(wanted: Wanted, changes: Changes) -> None:
    for item in wanted.alert_rules:
        name = item.get("name")
        rule = AlertRule.objects.filter(name=name).first() or AlertRule()
        columns = item.only(COLUMNS)
        columns["team"] = Team.objects.get(name=item.get("team"))
        if rule.pk and rule.team == columns["team"]:
            del columns["team"]
        put(rule, f"alert rule {name}", columns, item, changes)


def export_alert_rules() -> list[dict[str, Any]]:
    """Return the rules; one for a single cause stays, a cause is not configured."""
    rules = AlertRule.objects.filter(cause=None).select_related("team")
    return [_exported(rule) for rule in rules.order_by("order", "name")]


def _exported(rule: AlertRule) -> dict[str, Any]:
    columns = {name: _written(getattr(rule, name)) for name in COLUMNS}
    columns["team"] = rule.team.name
    return {name: value for name, value in columns.items() if value not in EMPTY}


def _written(value: Any) -> Any:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value
