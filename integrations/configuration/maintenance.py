"""Weekly maintenance of a connection: what a file may say about it, and making it so.

Windows of one date are entered in the console only: a file that is applied again next
month should not plan last month's.
"""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from integrations.configuration.changes import Changes
from integrations.configuration.problems import Problems, suggest
from integrations.configuration.values import Item
from integrations.models import Connection, MaintenanceWindow
from integrations.sync.maintenance import windows
from integrations.sync.timetable import instant_of

KEY = "weekly_maintenance"
_WALL = "%Y-%m-%d %H:%M"


def check_maintenance(item: Item, problems: Problems) -> None:
    for part in item.parts(KEY):
        zone = part.get("zone")
        if zone and zone not in available_timezones():
            text = f"There is no time zone “{zone}”."
            remedy = suggest(zone, available_timezones()) or "Write Europe/Berlin."
            problems.add(part.at("zone"), text, remedy)
        elif _is_read(part):
            _check_span(item, part, problems)


def _is_read(part: Item) -> bool:
    return all(part.get(name) for name in ("from", "to", "zone", "reason"))


def _check_span(item: Item, part: Item, problems: Problems) -> None:
    try:
        windows.check(_planned(part))
    except windows.Refused as error:
        problems.add(part.at("to"), str(error), "Correct from, to or until.")


def _planned(part: Item) -> MaintenanceWindow:
    zone = ZoneInfo(part.get("zone"))
    return MaintenanceWindow(
        starts_at=instant_of(part.get("from"), zone),
        ends_at=instant_of(part.get("to"), zone, last=True),
        zone=zone.key,
        is_weekly=True,
        last_on=part.get("until"),
        reason=part.get("reason"),
    )


def apply_maintenance(item: Item, connection: Connection, changes: Changes) -> None:
    """Enter the weekly windows that are missing, and cancel those no file names."""
    if KEY not in item.values:
        return
    subject = f"connection {connection.slug}"
    kept = {_mark(window): window for window in _weekly(connection)}
    wanted = {_mark(one): one for one in map(_planned, item.parts(KEY))}
    for mark in wanted.keys() - kept.keys():
        wanted[mark].connection = connection
        windows.enter(wanted[mark], None)
        changes.add(subject, f"weekly maintenance entered: {wanted[mark].reason}")
    for mark in kept.keys() - wanted.keys():
        windows.cancel(kept[mark], None)
        changes.add(subject, f"weekly maintenance cancelled: {kept[mark].reason}")


def _mark(window: MaintenanceWindow) -> tuple[Any, ...]:
    span = window.starts_at, window.ends_at, window.zone
    return (*span, window.last_on, window.reason)


def _weekly(connection: Connection) -> list[MaintenanceWindow]:
    found = connection.windows.filter(is_weekly=True, cancelled_at=None)
    return list(found.order_by("starts_at", "pk"))


def export_maintenance(connection: Connection) -> list[dict[str, Any]]:
    return [_exported(window) for window in _weekly(connection)]


def _exported(window: MaintenanceWindow) -> dict[str, Any]:
    zone = windows.plan_of(window).zone
    until = {"until": window.last_on.isoformat()} if window.last_on else {}
    return {
        "from": _wall(window.starts_at, zone),
        "to": _wall(window.ends_at, zone),
        "zone": window.zone,
        **until,
        "reason": window.reason,
    }


def _wall(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):{_WALL}}"
