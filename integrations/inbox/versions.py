"""Tells people of deliveries in another API version than their connection is set to.

They are read all the same: whatever has another shape is named by its field.
"""

from collections.abc import Iterable

from errorqueue.alerts import CALM, About, close_alert, raise_alert
from integrations.connectors.registry import UnknownSystem
from integrations.models import InboxEvent, ring_alerts
from integrations.models.account import keyless_of


def compare(events: Iterable[InboxEvent]) -> None:
    """Look at the newest delivery of each topic; an alert ends with the right one."""
    newest = {(event.connection_id, event.topic): event for event in events}
    for event in newest.values():
        _compare(event)


def _compare(event: InboxEvent) -> None:
    try:
        connector = keyless_of(event.connection)
    except UnknownSystem:
        return
    if event.topic in connector.privacy_topics:
        return  # their version is that of the app, and their shape that of all versions
    found = connector.other_version(event.headers)
    if found:
        _tell(event, found, connector.account.api_version)
    else:
        close_alert(_key(event))


def _tell(event: InboxEvent, found: str, pinned: str) -> None:
    title = f"{event.connection} delivers {event.topic} in API version {found}"
    text = (
        f"The connection is set to {pinned}. Deliveries are read all the same, and what "
        "has another shape goes to the error queue with its field. Set the webhook "
        f"subscription of {event.topic} back to {pinned}; or check the mappings against "
        f"{found} and then set that version on the connection."
    )
    link = f"/admin/integrations/connection/{event.connection_id}/change/"
    about = About(connection=str(event.connection))
    if raise_alert(_key(event), title, text, link, calm=CALM, about=about):
        ring_alerts()


def _key(event: InboxEvent) -> str:
    return f"version:{event.connection_id}:{event.topic}"
