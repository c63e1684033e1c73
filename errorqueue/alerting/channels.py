"""The ways to reach people. Each takes a subject and a text, or raises NotSent.

Mail goes through the mail server of the installation, webhooks and heartbeats through
`outgoing`, everything else through Apprise in a process of its own (`outside`).
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, get_connection
from django.core.validators import validate_email

from errorqueue.alerting import outside
from errorqueue.alerting.outside import NotSent, Told
from errorqueue.clock import database_time
from errorqueue.masking import HIDDEN, hidden
from errorqueue.models import Channel
from errorqueue.outgoing import NotAllowed, NotTaken, check_url, post
from errorqueue.sealing import SealBroken, seal, unseal
from errorqueue.signing import HEADER, signature
from errorqueue.text import one_line

__all__ = ["NotSent", "Told"]

MAIL_SECONDS = 10
USER_AGENT = "Waybill-Alerts/1"
TEST = "This is a test: alerts reach this channel.\n"
# What an address is made of; what is shorter than this between two signs is no secret.
_SIGNS = re.compile(r"[/:?&=@,;\s]+")
SHORTEST = 6
Kind = Channel.Kind
BY_WEB = (Kind.WEBHOOK, Kind.HEARTBEAT)


@dataclass(frozen=True)
class Mark:
    """The number of a message, the same over all its tries, and of its incident."""

    message: int
    incident: int | None = None

    @property
    def name(self) -> str:
        return f"msg_{self.message}"


def mail_operators(subject: str, body: str, mark: Mark | None = None) -> None:
    """Mail to ALERT_EMAILS; raise ValueError when that is empty."""
    if not settings.ALERT_EMAILS:
        raise ValueError("Nobody to tell: ALERT_EMAILS is empty.")
    _mail(list(settings.ALERT_EMAILS), subject, body, mark)


def mail_person(person: Any, subject: str, body: str, mark: Mark | None = None) -> None:
    """Mail to one person; raise NotSent when they left or have no address."""
    if not person.is_active:
        raise NotSent(f"{person} has left: take them out of the steps of the team.")
    if not person.email:
        raise NotSent(f"{person} has no e-mail address: enter one on their page.")
    _mail([person.email], subject, body, mark)


def _mail(to: list[str], subject: str, body: str, mark: Mark | None) -> None:
    """Send a mail; one that comes twice has one Message-ID, so readers drop it."""
    host = urlsplit(settings.SITE_URL).hostname or "waybill"
    headers = {"Message-ID": f"<{mark.name}@{host}>"} if mark else {}
    connection = get_connection(timeout=MAIL_SECONDS)
    EmailMessage(
        subject=subject, body=body, to=to, connection=connection, headers=headers
    ).send()


def send(channel: Channel, told: Told, mark: Mark | None = None) -> None:
    """Send through a channel. Raises NotSent, which names the reason."""
    address, secret = opened(channel)
    with _unaddressed(address, secret):
        if channel.kind == Kind.MAIL:
            _mail(addresses_in(address), told.subject, told.body, mark)
        elif channel.kind in BY_WEB:
            said = {"subject": told.subject, "text": told.body}
            marked = {"id": mark.name, "incident": mark.incident} if mark else {}
            _post(address, secret, {**marked, **said})
        else:
            outside.send(Kind(channel.kind), address, told)


@contextmanager
def _unaddressed(address: str, secret: str) -> Iterator[None]:
    """Say what goes wrong without the address: who knows it can write there as well.

    A service or proxy may repeat any part of it; the host of a web address is told.
    """
    try:
        yield
    except (NotSent, OSError, ValueError) as error:
        said = str(error) or type(error).__name__
        for part in sorted({*_parts_of(address), secret} - {""}, key=len, reverse=True):
            said = said.replace(part, HIDDEN)
        raise NotSent(hidden(said)) from error


def _parts_of(address: str) -> set[str]:
    """Return what of an address is secret; those of mail are hidden by their shape."""
    if "://" not in address:
        return set()
    parts = {one for one in _SIGNS.split(address) if len(one) >= SHORTEST}
    host = urlsplit(address).hostname if address.startswith("http") else None
    return parts - {host or ""}


def _post(url: str, secret: str, told: dict[str, Any]) -> None:
    body = json.dumps(told, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json", "User-Agent": USER_AGENT}
    if name := told.get("id"):
        headers["Waybill-Id"] = name
    if secret:
        moment = int(database_time().timestamp())
        headers[HEADER] = signature([secret], moment, body)
    try:
        post(url, body, headers)
    except (NotTaken, NotAllowed) as error:
        raise NotSent(str(error)) from error


def ping(channel: Channel) -> None:
    """Give the outside watcher a sign of life. Raises NotSent."""
    address, secret = opened(channel)
    with _unaddressed(address, secret):
        _post(address, secret, {"text": "Waybill is alive and can alert."})


def test(channel: Channel) -> str:
    """Send a test and keep what came of it; return that in words."""
    try:
        send(channel, Told("[Waybill] Test", TEST, key="waybill-test"))
    except NotSent as error:
        said, is_good = one_line(str(error), 300), False
    else:
        said, is_good = "The test was taken.", True
    kept = {"tested_at": database_time(), "test_said": said, "is_tested": is_good}
    Channel.objects.filter(pk=channel.pk).update(**kept)
    return said


def check(kind: str, address: str) -> None:
    """Raise NotSent, in words for a form, unless this can be an address of its kind."""
    if kind == Kind.MAIL:
        addresses_in(address)
    elif kind in BY_WEB:
        try:
            check_url(address)
        except NotAllowed as error:
            raise NotSent(str(error).removeprefix("URL: ")) from error
    else:
        outside.check(Kind(kind), address)


def addresses_in(text: str) -> list[str]:
    """Return mail addresses that stand between commas or blanks. Raises NotSent."""
    found = text.replace(",", " ").replace(";", " ").split()
    for one in found:
        try:
            validate_email(one)
        except ValidationError as error:
            raise NotSent(f"“{one}” is no e-mail address.") from error
    if not found:
        raise NotSent("Write at least one e-mail address.")
    return found


def keep(channel: Channel, address: str, secret: str = "") -> None:
    """Seal an address in a stored channel, and keep what may be shown of it."""
    kept = json.dumps({"address": address, "secret": secret})
    channel.sealed_address = seal(_context(channel), kept)
    channel.hint = hint_of(Kind(channel.kind), address)
    channel.save(update_fields=["sealed_address", "hint"])


def opened(channel: Channel) -> tuple[str, str]:
    """Return address and signing secret. Raises NotSent when no key opens them."""
    try:
        kept = json.loads(unseal(_context(channel), channel.sealed_address))
    except SealBroken as error:
        text = "Its address cannot be read with WAYBILL_FIELD_KEYS: enter it again."
        raise NotSent(text) from error
    return kept["address"], kept["secret"]


def hint_of(kind: Channel.Kind, address: str) -> str:
    """Return as much of an address as tells two apart and lets nobody write there."""
    if kind == Kind.MAIL:
        shown = [
            f"{one[:2]}•••@{one.partition('@')[2]}" for one in addresses_in(address)
        ]
        return ", ".join(shown)[:120]
    found = urlsplit(address)
    host = found.hostname if found.scheme == "https" else HIDDEN
    return f"{found.scheme}://{host}/…{address[-3:]}"[:120]


def _context(channel: Channel) -> str:
    return f"channel:{channel.pk}"
