"""Channels of alerts: addresses come from the environment and are never shown."""

from typing import Any

from django.utils.text import slugify

from errorqueue.alerting import channels
from errorqueue.alerting.channels import BY_WEB, NotSent
from errorqueue.models import Channel
from integrations.configuration.changes import Changes, put
from integrations.configuration.problems import Problems
from integrations.configuration.reader import Node, Placeholder, unseen
from integrations.configuration.schema import Wanted
from integrations.configuration.values import Item

Kind = Channel.Kind
COLUMNS = ("name", "kind", "is_active")
Sealed = tuple[str, str]


def check_channels(wanted: Wanted, problems: Problems) -> None:
    """Note what cannot be an address, and secrets that stand in a file."""
    for item in wanted.channels:
        stored = _stored(item)
        _check_readable(item, stored, problems)
        _check_secret(item, problems)
        if "address" in item.values:
            _check_address(item, problems)
        elif stored.pk is None or item.get("kind") not in (None, stored.kind):
            remedy = f'Add address: "{_placeholder(_variable(item), "address")}".'
            text = "The address of this kind of channel is missing."
            problems.add(item.at("kind"), text, remedy)


def _check_readable(item: Item, stored: Channel, problems: Problems) -> None:
    if {"address", "secret"} & item.values.keys() and _opened(stored) is None:
        problems.add(
            item.node.place,
            "The stored address cannot be read with the keys of WAYBILL_FIELD_KEYS.",
            "Add the key it was sealed with, or enter the address in the console.",
        )


def _check_secret(item: Item, problems: Problems) -> None:
    node: Node | None = item.get("secret")
    if node is None:
        return
    if item.get("kind") not in (None, *BY_WEB):
        text = "Only webhooks and heartbeats are signed."
        problems.add(item.at("secret"), text, "Leave secret out.")
    elif not node.is_filled:
        _refuse_literal(item, "secret", "A secret", problems)


def _check_address(item: Item, problems: Problems) -> None:
    node, kind = item.get("address"), item.get("kind")
    if kind != Kind.MAIL and not node.is_filled:
        text = "An address, which lets anybody write there,"
        _refuse_literal(item, "address", text, problems)
    elif kind:
        try:
            channels.check(kind, node.value)
        except NotSent as error:
            problems.add(node.place, unseen(item.node, str(error)))


def _refuse_literal(item: Item, name: str, what: str, problems: Problems) -> None:
    variable = _placeholder(_variable(item), name)
    remedy = f'Put it into an environment variable and write "{variable}".'
    problems.add(item.at(name), f"{what} may not stand in a file.", remedy)


def apply_channels(wanted: Wanted, changes: Changes) -> None:
    for item in wanted.channels:
        channel, subject = _stored(item), f"channel {item.get('name')}"
        put(channel, subject, item.only(COLUMNS), item, changes)
        before = _opened(channel) or ("", "")
        after = _value(item, "address", before[0]), _value(item, "secret", before[1])
        if after != before:
            channels.keep(channel, *after)
        for name, old, new in zip(("address", "secret"), before, after, strict=True):
            if old != new:
                changes.add(subject, f"{name} {'replaced' if old else 'set'}")


def _value(item: Item, name: str, known: str) -> str:
    node: Node | None = item.get(name)
    return known if node is None else node.value


def _stored(item: Item) -> Channel:
    return Channel.objects.filter(name=item.get("name")).first() or Channel()


def _opened(channel: Channel) -> Sealed | None:
    """Return address and secret; nothing when no key opens them."""
    if not channel.sealed_address:
        return ("", "")
    try:
        return channels.opened(channel)
    except NotSent:
        return None


def export_channels() -> list[dict[str, Any]]:
    """Return the channels with a placeholder for each address and secret."""
    taken: set[str] = set()
    return [
        _exported(channel, taken) for channel in Channel.objects.order_by("name", "pk")
    ]


def _exported(channel: Channel, taken: set[str]) -> dict[str, Any]:
    columns = {name: getattr(channel, name) for name in COLUMNS}
    variable = _free(_words(channel.name), taken)
    taken.add(variable)
    columns["address"] = _placeholder(variable, "address")
    if (_opened(channel) or ("", ""))[1]:
        columns["secret"] = _placeholder(variable, "secret")
    return columns


def _free(variable: str, taken: set[str]) -> str:
    """Return a name that no other channel of the export has."""
    number, found = 1, variable
    while found in taken:
        number += 1
        found = f"{variable}_{number}"
    return found


def _variable(item: Item) -> str:
    return _words(item.get("name", ""))


def _words(name: str) -> str:
    return f"channel_{slugify(name)}".strip("_").replace("-", "_").upper()


def _placeholder(variable: str, name: str) -> Placeholder:
    return Placeholder("${" + f"{variable}_{name.upper()}" + "}")
