"""Sends one message with Apprise; run by `outside`, never imported.

Reads one JSON object from its input, and writes `{"problem": ""}` or the reason. Before
Apprise is loaded a hook is set that nothing can take off again: it refuses every
connection to an address that is not public, and every start of another program.
"""

import json
import logging
import socket
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from errorqueue.addresses import is_public  # noqa: E402 (the path comes first)

PROGRAMS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork")
WRITE_IT_SO = "Copy it from the page of the service; docs/alerts.md shows each form."


class Refused(Exception):
    """What the hook does not let pass."""


class Remembered(logging.Handler):
    """Keeps the last thing that Apprise complained of."""

    said = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.said = record.getMessage()


def guard(inside: list[str]) -> None:
    """Refuse addresses of the inside, but for the hosts that are listed."""
    listed = {pair for name in inside for pair in _resolved(name)}

    def watch(event: str, args: tuple[Any, ...]) -> None:
        if event in PROGRAMS:
            raise Refused("Starting programs is not allowed here.")
        if event == "socket.connect" and not _may_call(args[1], listed):
            raise Refused("This address is inside this network: it is not called.")

    sys.addaudithook(watch)


def _resolved(name: str) -> list[tuple[str, int]]:
    """Return the addresses of a listed host; port 0 stands for any."""
    host, _, port = name.partition(":")
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return [(str(one[4][0]), int(port or 0)) for one in found]


def _may_call(address: Any, listed: set[tuple[str, int]]) -> bool:
    if not isinstance(address, tuple):
        return False  # a socket of this machine
    host, port = str(address[0]), int(address[1])
    if {(host, port), (host, 0)} & listed:
        return True
    try:
        return is_public(host)
    except ValueError:
        return False  # a name, which nobody has looked at


def run(asked: dict[str, Any]) -> str:
    """Do what is asked; return what went wrong, or nothing."""
    import apprise  # noqa: PLC0415 (behind the hook)

    told = Remembered(logging.WARNING)
    logging.getLogger("apprise").addHandler(told)
    service = apprise.Apprise.instantiate(asked["url"], suppress_exceptions=True)
    if service is None:
        return f"This is no address of such a service. {WRITE_IT_SO}"
    if problem := _problem_of(service, asked):
        return problem
    if "body" not in asked:
        return ""
    _merge_by(service, asked["key"])
    taken = service.notify(
        title=asked["title"],
        body=_that_fits(service, asked),
        notify_type=apprise.NotifyType(asked["type"]),
        body_format=apprise.NotifyFormat.TEXT,
    )
    return "" if taken else told.said or "The service did not take the message."


def _merge_by(service: Any, key: str) -> None:
    """Have an on-call service take all messages of this key for one alert.

    Left alone, Splunk takes all incidents for one, so that the end of any ends all;
    PagerDuty calls people once more for each message, also to say that it is over.
    """
    used = service.url().partition("://")[0]
    if not key:
        return
    if used in ("splunk", "victorops"):
        service.entity_id = key
    elif used == "opsgenie":
        service.alias = service.alias or key
    elif used == "pagerduty":
        service.dedup, service.action = service.dedup or key, "map"


def _that_fits(service: Any, asked: dict[str, Any]) -> str:
    """Return the text, or the brief one: services refuse what is too long for them."""
    whole: str = asked["body"]
    together = f"{asked['title']}\r\n{whole}"  # as where there is no title
    return whole if len(together) <= service.body_maxlen else asked["brief"]


def _problem_of(service: Any, asked: dict[str, Any]) -> str:
    used = service.url().partition("://")[0]
    if used not in asked["schemes"]:
        return f"{used}:// is not of this kind. Choose the kind that fits the address."
    if not service.verify_certificate:
        return "Take verify=no out: certificates are always checked."
    if not service.secure and _is_plain(service, used) and not asked["is_plain_ok"]:
        return f"Write {used}s:// instead: in production nothing is sent in the clear."
    return ""


def _is_plain(service: Any, used: str) -> bool:
    plain = service.protocol or ()
    return used in ((plain,) if isinstance(plain, str) else plain)


def main() -> None:
    asked = json.load(sys.stdin)
    guard(asked["inside"])
    try:
        problem = run(asked)
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    json.dump({"problem": problem}, sys.stdout)


if __name__ == "__main__":
    main()
