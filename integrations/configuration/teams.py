"""Teams: who looks after something, when, and who is called after whom."""

from collections.abc import Callable
from datetime import time
from typing import Any
from zoneinfo import ZoneInfo

from errorqueue import people
from errorqueue.alerting.hours import holidays_in
from errorqueue.models import Channel, Team, TeamStep
from integrations.configuration.changes import Changes, put, show
from integrations.configuration.identity import known
from integrations.configuration.problems import Problems, suggest
from integrations.configuration.routing import check_named
from integrations.configuration.schema import DAYS, STEP, TEAM, Wanted
from integrations.configuration.values import Item

LISTS = ("members", "steps")
COLUMNS = tuple(name for name in TEAM if name not in LISTS)
PLACES = ("channel", "person", "second")
QUIET = ("quiet_from", "quiet_until")
DUTIES = {"work": " in working hours", "off": " outside working hours"}


def check_teams(wanted: Wanted, problems: Problems) -> None:
    """Note hours that make no sense and people whom nobody could call."""
    names = set(people.staff().values_list("username", flat=True))
    for item in wanted.teams:
        _check_zone(item, problems)
        _check_days(item, problems)
        _check_pair(item, QUIET, problems)
        _check_pair(item, ("weekly_on", "weekly_at"), problems)
        _check_quiet(item, problems)
        for name in item.get("members", []):
            _check_person(item, "members", name, names, problems)
        for step in item.parts("steps"):
            _check_step(step, names, problems)


def _check_zone(item: Item, problems: Problems) -> None:
    zone = item.get("zone")
    try:
        ZoneInfo(zone or "UTC")
    except (KeyError, ValueError, OSError):
        text = f"There is no time zone “{zone}”."
        problems.add(item.at("zone"), text, "Write one like Europe/Berlin.")


def _check_days(item: Item, problems: Problems) -> None:
    if "days" in item.values and not item.get("days"):
        problems.add(item.at("days"), "A team works on one day at least.", "Name it.")
    for node in getattr(item.node.entries.get("holidays"), "items", ()):
        try:
            holidays_in(node.value)
        except ValueError:
            text = f"“{node.written}” does not begin with a date."
            problems.add(node.place, text, "Write it as in 2026-12-25 Christmas.")


def _check_pair(item: Item, keys: tuple[str, str], problems: Problems) -> None:
    """Both or none, counting what stands in the console for a key left out."""
    stored = _stored(item)
    given = [item.get(key, getattr(stored, key)) is not None for key in keys]
    if any(given) and not all(given):
        lacking = keys[given.index(False)]
        text = f"{keys[0]} and {keys[1]} go together."
        problems.add(item.at(lacking), text, f"Add {lacking}, or empty both.")


def _check_quiet(item: Item, problems: Problems) -> None:
    stored = _stored(item)
    begin, end = (item.get(key, getattr(stored, key)) for key in QUIET)
    if begin is not None and begin == end:
        text = "A quiet time that lasts all day leaves none in which to be told."
        problems.add(item.at(QUIET[1]), text, "Let it end earlier.")


def _check_person(
    item: Item, key: str, name: str, names: set[str], problems: Problems
) -> None:
    if name not in names:
        text = f"Nobody with the name “{name}” may use the console."
        problems.add(item.at(key), text, suggest(name, names))


def _check_step(step: Item, names: set[str], problems: Problems) -> None:
    channel, person = step.get("channel"), step.get("person")
    if bool(channel) == bool(person):
        text = "A step calls a channel or a person."
        problems.add(step.node.place, text, "Give one of the two.")
    if person:
        _check_person(step, "person", person, names, problems)
        if people.staff().filter(username=person, email=""):
            text = f"{person} has no e-mail address."
            problems.add(step.at("person"), text, "Enter one on their page.")


def check_called(wanted: Wanted, problems: Problems) -> None:
    """Note the channels of steps that are nowhere, and heartbeats, which call nobody."""
    names, beats = known("channels", wanted), _heartbeats(wanted)
    for item in wanted.teams:
        for step in item.parts("steps"):
            for key in ("channel", "second"):
                check_named(step, key, "channel", names, problems)
                if step.get(key) in beats:
                    text = "A heartbeat calls nobody."
                    problems.add(step.at(key), text, "Name another channel.")


def _heartbeats(wanted: Wanted) -> set[str]:
    kinds = dict(Channel.objects.values_list("name", "kind"))
    kinds |= {item.get("name"): item.get("kind") for item in wanted.channels}
    return {name for name, kind in kinds.items() if kind == Channel.Kind.HEARTBEAT}


def apply_teams(wanted: Wanted, changes: Changes) -> None:
    for item in wanted.teams:
        team, subject = _stored(item), f"team {item.get('name')}"
        put(team, subject, _columns(item), item, changes, spoken=SPOKEN)
        if "members" in item.values:
            _apply_members(team, subject, item, changes)
        if "steps" in item.values:
            _apply_steps(team, subject, item, changes)


def _stored(item: Item) -> Team:
    return Team.objects.filter(name=item.get("name")).first() or Team()


def _columns(item: Item) -> dict[str, Any]:
    columns = item.only(COLUMNS)
    if "days" in columns:
        columns["days"] = sorted(set(columns["days"]))
    if "holidays" in columns:
        columns["holidays"] = "\n".join(columns["holidays"])
    return columns


def _days(numbers: list[int]) -> str:
    return ", ".join(DAYS[number] for number in numbers)


def _day(number: int | None) -> str:
    return "never" if number is None else DAYS[number]


def _holidays(text: str) -> str:
    return ", ".join(text.splitlines()) or "none"


def _clock(at: time | None) -> str:
    return "never" if at is None else show(at)


SPOKEN: dict[str, Callable[[Any], str]] = {
    "days": _days,
    "holidays": _holidays,
    "weekly_on": _day,
    **dict.fromkeys(("quiet_from", "quiet_until", "daily_at", "weekly_at"), _clock),
}


def _apply_members(team: Team, subject: str, item: Item, changes: Changes) -> None:
    asked = set(item.get("members"))
    if asked != {one.get_username() for one in team.members.all()}:
        team.members.set(people.staff().filter(username__in=asked))
        changes.add(subject, f"members: {', '.join(sorted(asked)) or 'none'}")


def _apply_steps(team: Team, subject: str, item: Item, changes: Changes) -> None:
    asked = [_step(team, part) for part in item.parts("steps")]
    asked.sort(key=lambda step: step.after_minutes)
    said = [_sentence(step) for step in asked]
    if said == [_sentence(step) for step in _steps(team)]:
        return
    team.steps.all().delete()
    TeamStep.objects.bulk_create(asked)
    changes.add(subject, f"steps: {'; '.join(said) or 'none'}")


def _step(team: Team, part: Item) -> TeamStep:
    named = part.only(PLACES)
    columns = {name: part.get(name) for name in ("after_minutes", "duty")}
    places = {
        "channel": Channel.objects.filter(name=named.get("channel")).first(),
        "second": Channel.objects.filter(name=named.get("second")).first(),
        "person": people.staff().filter(username=named.get("person")).first(),
    }
    given = {name: value for name, value in columns.items() if value is not None}
    return TeamStep(team=team, **given, **places)


def _sentence(step: TeamStep) -> str:
    second = f", else {step.second}" if step.second else ""
    return f"{step}{DUTIES.get(step.duty, '')}{second}"


def _steps(team: Team) -> Any:
    return team.steps.select_related("channel", "person", "second")


def export_teams() -> list[dict[str, Any]]:
    return [_exported(team) for team in Team.objects.order_by("name")]


def _exported(team: Team) -> dict[str, Any]:
    columns = {name: getattr(team, name) for name in COLUMNS}
    shown = {name: _clocked(value) for name, value in columns.items()}
    weekly = team.weekly_on
    return shown | {
        "days": [DAYS[number] for number in team.days],
        "weekly_on": None if weekly is None else DAYS[weekly],
        "holidays": [line for line in team.holidays.splitlines() if line.strip()],
        "members": sorted(one.get_username() for one in team.members.all()),
        "steps": [_exported_step(step) for step in _steps(team)],
    }


def _clocked(value: Any) -> Any:
    return show(value) if isinstance(value, time) else value


def _exported_step(step: TeamStep) -> dict[str, Any]:
    found = {name: getattr(step, name) for name in STEP}
    places = {name: show(found[name]) for name in PLACES if found[name]}
    return {"after_minutes": step.after_minutes, **places} | (
        {"duty": step.duty} if step.duty else {}
    )
