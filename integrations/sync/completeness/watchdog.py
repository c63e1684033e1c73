"""Watches that the vendor still sends: subscriptions are compared with what flows need.

Only a subscription that leads to our own address is ours: missing ones are set up,
those of another shape are put right, and whatever leads elsewhere is left alone.
Whatever happened meanwhile is found by the comparison that follows.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings

from errorqueue.alerts import CALM, About, close_alert, raise_alert
from errorqueue.clock import database_time
from integrations.connectors.base import Connector
from integrations.connectors.errors import (
    AccessRefused,
    ConnectorError,
    LimitReached,
    TemporaryError,
)
from integrations.connectors.listed import Subscription
from integrations.models import AuditEntry, Connection, Flow, FlowRhythm, ring_alerts
from integrations.models.vault import SealBroken
from integrations.sync.access import note_answer, note_failure, suspect
from integrations.sync.allowance import rest
from integrations.sync.completeness import asking
from integrations.sync.outbound import connector_for
from integrations.sync.rhythm.counting import rhythm_of, topics_of
from integrations.sync.rhythm.wording import clock

log = logging.getLogger(__name__)


@dataclass
class Found:
    """What an audit of one account found, by topic."""

    gone: list[str] = field(default_factory=list)
    mended: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    # The vendor stopped answering before all was looked at.
    is_cut_short: bool = False

    @property
    def is_good(self) -> bool:
        return not (self.gone or self.mended or self.refused or self.is_cut_short)


def watch() -> None:
    """Audit every account that sends events, then compare what changed since.

    An account that breaks the audit stops no other; the schedule says so at the end.
    """
    broken: Exception | None = None
    for connection in _senders():
        try:
            audit(connection)
        except Exception as error:
            log.exception("The subscriptions of %s could not be audited", connection)
            broken = error
    asking.ask_recent()
    if broken:
        raise broken


def _senders() -> list[Connection]:
    heard = Flow.objects.filter(is_enabled=True, poll_minutes=0).values("source")
    ready = Connection.objects.filter(pk__in=heard, state=Connection.State.READY)
    return [one for one in ready if one.is_usable]


def address_of(connection: Connection) -> str:
    """Return where deliveries of a connection are taken in."""
    return f"{settings.SITE_URL}/hooks/{connection.slug}/"


def audit(connection: Connection) -> Found | None:
    """Compare the subscriptions of an account with what our flows need; mend ours.

    Nothing is concluded, and None returned, when the vendor does not answer.
    """
    try:
        connector = connector_for(connection)
        if not connector.minds_subscriptions:
            close_alert(_key(connection))
            return None
        standing = connector.subscriptions()
    except (AccessRefused, SealBroken):
        suspect(connection)
    except LimitReached as error:
        rest(connection, error)
    except TemporaryError as error:
        note_failure(connection, error)
    except ConnectorError as error:
        _tell_unread(connection, error)
    else:
        note_answer(connection)
        return _settle(connection, connector, standing)
    return None


def _settle(
    connection: Connection, connector: Connector, standing: Iterable[Subscription]
) -> Found:
    flows = list(connection.flows_out.filter(is_enabled=True, poll_minutes=0))
    rhythms = [rhythm_of(flow) for flow in flows]
    audited = {one.flow_id for one in rhythms if one.audited_at}
    stood = _wanted(connection, [flow for flow in flows if flow.pk in audited])
    known = min((one.swept_until or one.since for one in rhythms), default=None)
    found = _mend(connection, connector, _wanted(connection, flows), list(standing))
    if found.is_good:
        close_alert(_key(connection))
    elif found.gone or found.mended or found.refused:
        _note(connection, found)
        # What never stood was not gone: a new shop or flow is set up in silence.
        if found.refused or found.mended or set(found.gone) & set(stood):
            _tell(connection, found, known)
    if not (found.refused or found.is_cut_short):
        FlowRhythm.objects.filter(flow__in=flows).update(audited_at=database_time())
    return found


def _wanted(connection: Connection, flows: Iterable[Flow]) -> list[str]:
    topics = {
        topic for flow in flows for topic in topics_of(connection, flow.source_entity)
    }
    return sorted(topics)


def _mend(
    connection: Connection,
    connector: Connector,
    wanted: Iterable[str],
    standing: list[Subscription],
) -> Found:
    """Set up what is missing and put right what has another shape."""
    found, address = Found(), address_of(connection)
    for topic in wanted:
        mine = [one for one in standing if (one.topic, one.address) == (topic, address)]
        try:
            if not mine:
                connector.subscribe(topic, address)
                found.gone.append(topic)
            elif mine[0].faults:
                connector.resubscribe(mine[0])
                found.mended.append(f"{topic} ({', '.join(mine[0].faults)})")
        except (AccessRefused, LimitReached, TemporaryError) as error:
            log.info("%s: %s will be set up later: %s", connection, topic, error)
            found.is_cut_short = True
            break
        except ConnectorError as error:
            found.refused[topic] = str(error)
    return found


def _note(connection: Connection, found: Found) -> None:
    for topics, verb in ((found.gone, "subscribed"), (found.mended, "resubscribed")):
        if topics:
            detail = f"webhooks: {', '.join(topics)}"
            AuditEntry.objects.note_change("connection", connection.pk, verb, detail)


def _tell(connection: Connection, found: Found, since: datetime | None) -> None:
    said = [
        f"These webhook subscriptions were gone and have been set up again: "
        f"{', '.join(found.gone)}."
        if found.gone
        else "",
        f"These had another shape and were put right: {', '.join(found.mended)}."
        if found.mended
        else "",
        _refused_in_words(connection, found),
        f"What changed since {clock(since, database_time())} is being compared with "
        "the source's own list, and what is missing is fetched; nothing is to be done "
        "for that."
        if since
        else "",
    ]
    title = f"{connection}: webhook subscriptions were gone"
    if found.refused:
        title = f"{connection}: webhook subscriptions cannot be set up"
    elif not found.gone:
        title = f"{connection}: webhook subscriptions had another shape"
    _raise(connection, title, "\n\n".join(filter(None, said)))


def _refused_in_words(connection: Connection, found: Found) -> str:
    if not found.refused:
        return ""
    topics = "; ".join(f"{topic}: {why}" for topic, why in found.refused.items())
    return (
        f"The vendor refused to set these up: {topics} If a permission is missing, add "
        "its scope to the app and approve it in the shop. If the address is refused, "
        f"set WAYBILL_SITE_URL to the https address under which the vendor reaches "
        f"{address_of(connection)}. If the subscriptions are made elsewhere, say so "
        "under Webhook subscriptions on the page of the connection. Until then what "
        "is missing is found by comparing every quarter of an hour."
    )


def _tell_unread(connection: Connection, error: ConnectorError) -> None:
    title = f"{connection}: webhook subscriptions cannot be read"
    text = (
        f"The vendor said: {error} Nobody can say whether it still sends its events. "
        "Press Check connection on the page of the connection; it names the "
        "permission that is missing."
    )
    _raise(connection, title, text)


def _raise(connection: Connection, title: str, text: str) -> None:
    link = f"/admin/integrations/connection/{connection.pk}/change/"
    about = About(connection=str(connection))
    if raise_alert(_key(connection), title, text, link, calm=CALM, about=about):
        ring_alerts()


def _key(connection: Connection) -> str:
    return f"subscriptions:{connection.pk}"
