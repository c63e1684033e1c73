"""Channels, teams and rules for tests, and time that goes by for messages."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import F

from errorqueue import alerts
from errorqueue.alerting import channels
from errorqueue.models import Alert, AlertRule, Channel, Message, Team, TeamStep


def make_channel(name: str, kind: str = "mail", address: str = "") -> Channel:
    channel = Channel.objects.create(name=name, kind=kind)
    channels.keep(channel, address or f"{name.lower().replace(' ', '-')}@example.com")
    return channel


def make_team(*steps: Any, name: str = "Operations", **changes: Any) -> Team:
    """Make a team; each step is (minutes, channel or person[, second channel])."""
    team = Team.objects.create(name=name, **changes)
    for minutes, who, *second in steps:
        place = {"channel": who} if isinstance(who, Channel) else {"person": who}
        TeamStep.objects.create(
            team=team,
            after_minutes=minutes,
            second=second[0] if second else None,
            **place,
        )
    return team


def make_rule(team: Team, name: str = "", **changes: Any) -> AlertRule:
    name = name or f"rule {AlertRule.objects.count()}"
    return AlertRule.objects.create(name=name, team=team, **changes)


def let_alerts_pass(by: timedelta) -> None:
    """Move all that incidents and messages wait for closer by so much."""
    Message.objects.update(made_at=F("made_at") - by, try_at=F("try_at") - by)
    names = ("raised_at", "try_at", "planned_at", "step_at", "grown_at", "closed_at")
    Alert.objects.update(**{name: F(name) - by for name in names})


def raise_one(**changes: Any) -> Alert:
    """Raise an incident; `about` takes facts."""
    values = {"key": "test:1", "title": "Orders stand still", "text": "Words."}
    about = alerts.About(**changes.pop("about", {}))
    values = {**values, **changes}
    assert alerts.raise_alert(**values, about=about)
    return Alert.objects.get(key=values["key"], closed_at=None)


def freeze(monkeypatch: Any, *modules: Any, at: datetime) -> None:
    """Let these modules believe that it is another time."""
    for module in modules:
        monkeypatch.setattr(module, "database_time", lambda: at)
