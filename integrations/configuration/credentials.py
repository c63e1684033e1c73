"""Secrets of connections: they come from the environment and are never shown."""

from collections.abc import Mapping

from integrations.configuration.changes import Changes
from integrations.configuration.problems import Place, Problems, suggest
from integrations.configuration.reader import Node, Placeholder
from integrations.configuration.values import Item
from integrations.connectors.base import Setting
from integrations.models import Connection, Credential
from integrations.models.vault import SealBroken
from integrations.sync.accounts import set_credential, wanted_credentials


def check_credentials(item: Item, connection: Connection, problems: Problems) -> None:
    """Check the credentials of `item` against the way that its connection logs in."""
    given: Mapping[str, Node] = item.get("credentials", {})
    settings = {setting.name: setting for setting in wanted_credentials(connection)}
    for name, node in given.items():
        if name in settings:
            variable = _placeholder(connection.slug or "connection", name)
            _check_value(node, settings[name], variable, problems)
        else:
            text = f"{name} is no credential of {connection.auth_method}."
            problems.add(_key_place(item, name), text, suggest(name, settings))
    if given:
        _check_complete(item, connection, settings, problems)
    _check_readable(item, connection, problems)


def _key_place(item: Item, name: str) -> Place:
    return item.node.entries["credentials"].keys[name]


def _check_value(
    node: Node, setting: Setting, variable: Placeholder, problems: Problems
) -> None:
    if setting.secret and not node.is_filled:
        remedy = f'Put it into an environment variable and write "{variable}".'
        problems.add(node.place, "A secret may not stand in a file.", remedy)
    elif not node.value:
        problems.add(node.place, f"{setting.label} is empty.", "Give its value.")


def _check_complete(
    item: Item, connection: Connection, known: Mapping[str, Setting], problems: Problems
) -> None:
    present = (
        item.node.entries["credentials"].entries.keys() | _stored(connection).keys()
    )
    for setting in known.values():
        if setting.required and setting.name not in present:
            remedy = f"Add {setting.name} under credentials."
            problems.add(item.at("credentials"), f"{setting.label} is missing.", remedy)


def _check_readable(item: Item, connection: Connection, problems: Problems) -> None:
    stored = _stored(connection)
    for name, node in item.get("credentials", {}).items():
        if name in stored and _opened(stored[name]) is None:
            problems.add(
                node.place,
                "The stored value cannot be read with the keys of WAYBILL_FIELD_KEYS.",
                "Add the key it was sealed with, or clear it in the console.",
            )


def apply_credentials(item: Item, connection: Connection, changes: Changes) -> None:
    """Keep the secrets that differ from what stands, encrypted."""
    stored = _stored(connection)
    for name, node in item.get("credentials", {}).items():
        if name in stored and _opened(stored[name]) == node.value:
            continue
        set_credential(connection, name, node.value, None)
        done = "replaced" if name in stored else "set"
        changes.add(f"connection {connection.slug}", f"credential {name} {done}")


def export_credentials(connection: Connection) -> dict[str, Placeholder]:
    """Return a placeholder for each credential that is set and used."""
    stored = _stored(connection)
    return {
        setting.name: _placeholder(connection.slug, setting.name)
        for setting in wanted_credentials(connection)
        if setting.name in stored
    }


def _placeholder(slug: str, name: str) -> Placeholder:
    return Placeholder("${" + _variable(f"{slug}_{name}") + "}")


def _variable(words: str) -> str:
    """Return a legal name of an environment variable."""
    name = words.upper().replace("-", "_")
    return f"_{name}" if name[0].isdigit() else name


def _stored(connection: Connection) -> dict[str, Credential]:
    if connection.pk is None:
        return {}
    return {credential.name: credential for credential in connection.credentials.all()}


def _opened(credential: Credential) -> str | None:
    try:
        return credential.open().reveal()
    except SealBroken:
        return None
