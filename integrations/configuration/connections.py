"""Connections: what a file may say about them, and making them so."""

import re
from typing import Any

from integrations.configuration.changes import Changes, put
from integrations.configuration.credentials import (
    apply_credentials,
    check_credentials,
    export_credentials,
)
from integrations.configuration.maintenance import (
    KEY,
    apply_maintenance,
    check_maintenance,
    export_maintenance,
)
from integrations.configuration.problems import Problems, suggest
from integrations.configuration.reader import unseen
from integrations.configuration.schema import CONNECTION, Wanted
from integrations.configuration.values import Item
from integrations.connectors.base import Setting
from integrations.connectors.registry import connector_class
from integrations.models import Connection
from integrations.sync.accounts import default_namespace, is_used
from integrations.sync.addresses import base_url_problem
from integrations.sync.belonging import change_problem, forget_answers
from integrations.sync.twins import twin_among

COLUMNS = tuple(name for name in CONNECTION if name not in ("credentials", KEY))
# A token belongs to the account and the login that fetched it.
_LOGIN = ("account_id", "base_url", "auth_method")
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_-]+")


def check_connections(wanted: Wanted, problems: Problems) -> None:
    for item in wanted.connections:
        if item.get("system"):
            _check(item, planned(item), problems)
    _check_namespaces(wanted, problems)
    _check_twins(wanted, problems)


def planned(item: Item) -> Connection:
    """Return the connection as it will be, unsaved."""
    slug = item.get("slug", "")
    connection = Connection.objects.filter(slug=slug).first() or Connection()
    for name in COLUMNS:
        if name in item.values:
            setattr(connection, name, item.values[name])
    connection.namespace = connection.namespace or default_namespace(connection)
    return connection


def _check(item: Item, connection: Connection, problems: Problems) -> None:
    _check_account(item, connection, problems)
    _check_options(item, connection, problems)
    _check_fixed(item, problems)
    check_maintenance(item, problems)
    if _check_auth_method(item, connection, problems):
        check_credentials(item, connection, problems)


def _check_account(item: Item, connection: Connection, problems: Problems) -> None:
    connector = connector_class(connection.system)
    if item.get("account_id") and (
        why := connector.account_problem(connection.account_id)
    ):
        problems.add(item.at("account_id"), unseen(item.node, why))
    if item.get("base_url") and (why := base_url_problem(connection)):
        problems.add(item.at("base_url"), unseen(item.node, why))


def _check_auth_method(item: Item, connection: Connection, problems: Problems) -> bool:
    known = {method.kind for method in connector_class(connection.system).auth_methods}
    method = item.get("auth_method")
    if method and method not in known:
        text = f"{connection.system} has no such auth method."
        problems.add(item.at("auth_method"), text, suggest(method, known))
    return method in known


def _check_options(item: Item, connection: Connection, problems: Problems) -> None:
    known = {
        option.name: option for option in connector_class(connection.system).options
    }
    for name, value in item.get("options", {}).items():
        place = item.node.entries["options"].keys[name]
        if name not in known:
            text = f"{connection.system} has no option {name}."
            problems.add(place, text, suggest(name, known))
        elif not _is_offered(known[name], value):
            remedy = f"Choose one of: {', '.join(known[name].choices)}."
            problems.add(place, "This is no choice here.", remedy)


def _is_offered(option: Setting, value: Any) -> bool:
    return not option.choices or value in option.choices


def _check_fixed(item: Item, problems: Problems) -> None:
    """Refuse to change what external ids of sent records were made from."""
    stored = Connection.objects.filter(slug=item.get("slug", "")).first()
    if stored is None or not is_used(stored):
        return
    if why := change_problem(stored, item.get("account_id", stored.account_id)):
        problems.add(item.at("account_id"), unseen(item.node, why))
    for name in ("system", "namespace"):
        if name in item.values and item.values[name] != getattr(stored, name):
            problems.add(
                item.at(name),
                f"Records refer to the {name} {getattr(stored, name)}: it stays.",
                "Write it as it was, or make a new connection with another slug.",
            )


def _check_namespaces(wanted: Wanted, problems: Problems) -> None:
    """Two connections with one namespace would give two records one external id."""
    items = {item.get("slug", ""): item for item in wanted.connections}
    others = Connection.objects.exclude(slug__in=items)
    taken = dict(others.values_list("namespace", "slug"))
    for slug, item in items.items():
        namespace = planned(item).namespace
        if _NOT_IN_IDS.search(namespace):
            remedy = "Use letters, digits, - and _ only."
            problems.add(item.at("namespace"), "External ids cannot begin so.", remedy)
        if namespace in taken and item.get("account_id"):
            text = f"The namespace {namespace} belongs to {taken[namespace]} already."
            problems.add(item.at("namespace"), text, "Choose another namespace.")
        taken.setdefault(namespace, slug)


def _check_twins(wanted: Wanted, problems: Problems) -> None:
    """Let no account be both sandbox and production, as the console does."""
    items = [item for item in wanted.connections if item.get("account_id")]
    coming = [(item, planned(item)) for item in items if item.get("system")]
    slugs = [connection.slug for _, connection in coming]
    stored = Connection.objects.exclude(slug__in=slugs).order_by("name")
    known = [*(connection for _, connection in coming), *stored]
    for item, connection in coming:
        if twin := twin_among(connection, known):
            text = f"{twin} is the same account as {twin.environment}."
            remedy = "Give this one its own account and base URL, or the environment."
            problems.add(item.at("account_id"), unseen(item.node, text), remedy)


def apply_connections(wanted: Wanted, changes: Changes) -> None:
    for item in wanted.connections:
        connection = _stored(item)
        columns = item.only(COLUMNS) | {"namespace": planned(item).namespace}
        login = _login(connection)
        put(connection, f"connection {item.get('slug')}", columns, item, changes)
        if _login(connection) != login:
            forget_answers(connection)
        apply_credentials(item, connection, changes)
        apply_maintenance(item, connection, changes)


def _stored(item: Item) -> Connection:
    return Connection.objects.filter(slug=item.get("slug")).first() or Connection()


def _login(connection: Connection) -> tuple[Any, ...]:
    return tuple(getattr(connection, name) for name in _LOGIN)


def export_connections() -> list[dict[str, Any]]:
    return [
        {name: getattr(connection, name) for name in COLUMNS}
        | {"credentials": export_credentials(connection)}
        | {KEY: export_maintenance(connection)}
        for connection in Connection.objects.order_by("slug")
    ]
