"""Chat, on-call and text message services, through Apprise in a process of its own.

Apprise knows every service and every trap of theirs, but it opens whatever address it
is given and weighs 25 MB. So it is loaded by a child that ends with the message, has
none of our environment, speaks the schemes of one kind only, and can connect to no
address inside this network, whatever a name resolves to or an answer redirects to.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

from errorqueue.models import Channel
from errorqueue.text import one_line

CHILD = Path(__file__).with_name("apprise_child.py")
# From the start of the child to its end.
SECONDS = 25
Kind = Channel.Kind
SCHEMES: dict[Channel.Kind, tuple[str, ...]] = {
    Kind.SLACK: ("slack",),
    Kind.TEAMS: ("msteams", "workflow", "workflows"),
    Kind.PAGERDUTY: ("pagerduty",),
    Kind.SMS: (
        *("twilio", "vonage", "nexmo", "sns", "msgbird", "clicksend", "plivo"),
        *("sinch", "bulksms", "d7sms", "46elks", "elks", "voipms"),
    ),
    Kind.OTHER: (
        *("discord", "gchat", "mmost", "mmosts", "rocket", "rockets", "zulip"),
        *("wxteams", "webex", "tgram", "ntfy", "ntfys", "pover", "opsgenie"),
        *("splunk", "victorops"),
    ),
}


class NotSent(Exception):
    """The message did not reach its channel; the text says why."""


class Told(NamedTuple):
    """One message; `brief` is its text for a service that takes only a short one.

    `key` is the same for all that one place hears of one incident: an on-call service
    makes one alert of it, which the message that it is over ends.
    """

    subject: str
    body: str
    brief: str = ""
    key: str = ""
    is_over: bool = False


def send(kind: Channel.Kind, address: str, told: Told) -> None:
    """Send one message. Raises NotSent.

    It goes as a failure: of mere information an on-call service calls nobody.
    """
    _ask(
        kind,
        address,
        {
            "title": told.subject,
            "body": told.body,
            "brief": told.brief or told.body,
            "key": told.key,
            "type": "success" if told.is_over else "failure",
        },
    )


def check(kind: Channel.Kind, address: str) -> None:
    """Raise NotSent unless the address is one of a service of this kind."""
    _ask(kind, address, {})


def _ask(kind: Channel.Kind, address: str, more: dict[str, str]) -> None:
    asked = {
        "url": address,
        "schemes": SCHEMES[kind],
        "inside": list(settings.EXTRA_WEBHOOK_HOSTS),
        "is_plain_ok": not settings.PRODUCTION,
        **more,
    }
    try:
        ended = subprocess.run(  # noqa: S603 (our own script, no shell)
            [sys.executable, "-I", str(CHILD)],
            input=json.dumps(asked).encode(),
            capture_output=True,
            timeout=SECONDS,
            env={},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NotSent("It took too long.") from error
    problem = _problem(ended.stdout)
    if problem:
        raise NotSent(one_line(problem.replace(address, "(address)"), 300))


def _problem(said: bytes) -> str:
    try:
        return str(json.loads(said)["problem"])
    except (ValueError, KeyError, TypeError):
        return "The sender broke off without a word: see the log."
