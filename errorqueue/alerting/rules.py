"""Which team an incident belongs to: the first rule that holds decides."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from errorqueue.clock import database_time
from errorqueue.models import Alert, AlertRule, FailedRecord, Team

HOUR = timedelta(hours=1)


def rule_for(alert: Alert) -> AlertRule | None:
    """Return the rule that holds for an incident as it stands now."""
    active = AlertRule.objects.filter(is_active=True).select_related("team")
    return next((rule for rule in active if holds(rule, alert)), None)


def team_for(kind: str, flow: str, source: str) -> Team | None:
    """Return the team that an incident of a kind about a flow would go to."""
    rule = rule_for(Alert(kind=kind, flow=flow[:120], source=source[:120]))
    return rule.team if rule else None


def holds(rule: AlertRule, alert: Alert) -> bool:
    """Say whether a rule speaks of an incident; an empty condition always holds."""
    return (
        rule.kind in ("", alert.kind)
        and rule.flow in ("", alert.flow)
        and rule.connection in ("", alert.connection, alert.source)
        and rule.cause_id in (None, alert.cause_id)
        and _is_enough(rule, alert)
    )


def _is_enough(rule: AlertRule, alert: Alert) -> bool:
    if rule.min_amount is not None and _most_money(alert) < rule.min_amount:
        return False
    if rule.min_count is not None and alert.count < rule.min_count:
        return False
    return rule.min_rate is None or _rate(alert, rule.min_rate) >= rule.min_rate


def _most_money(alert: Alert) -> Decimal:
    """Return the largest sum; currencies are never added up."""
    return max((Decimal(total) for total in alert.money.values()), default=Decimal(0))


def _rate(alert: Alert, enough: int) -> int:
    """Count what failed anew within the last hour, as far as is asked for."""
    lines = FailedRecord.objects.filter(first_failed_at__gte=database_time() - HOUR)
    if alert.cause_id:
        lines = lines.filter(cause=alert.cause_id)
    elif alert.flow:
        lines = lines.filter(flow=alert.flow)
    else:
        return 0
    return lines.order_by()[:enough].count()


def sentence(rule: AlertRule) -> str:
    """Say a rule in words: which incidents, whom they go to."""
    kind = Alert.Kind(rule.kind).label if rule.kind else ""
    about = [f"Incidents of the kind “{kind}”" if kind else "All incidents"]
    about += _conditions(rule)
    at_once = ", at any hour" if rule.is_immediate else ""
    return f"{' '.join(about)} go to {rule.team}{at_once}."


def _conditions(rule: AlertRule) -> Iterator[str]:
    if rule.flow:
        yield f"of {rule.flow}"
    if rule.connection:
        yield f"at {rule.connection}"
    if rule.cause:
        yield f"with {rule.cause.human_id} “{rule.cause.sentence}”"
    if rule.min_amount is not None:
        yield f"worth {rule.min_amount.normalize():,f} or more"
    if rule.min_count is not None:
        yield f"of {rule.min_count:,} records or more"
    if rule.min_rate is not None:
        yield f"with {rule.min_rate:,} or more new failures an hour"
