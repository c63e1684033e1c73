"""The verbs on a connection: credentials, check, pause and resume."""

import re
from typing import Any

from django.db import transaction
from django.db.models import Q

from integrations.connectors.base import CheckLine, CheckResult, Exchange, Setting
from integrations.connectors.errors import (
    AccessRefused,
    ConnectorError,
    LimitReached,
    PermissionMissing,
    ServerFault,
    TemporaryError,
)
from integrations.connectors.registry import connector_class
from integrations.models import Connection, Credential, Link, SyncRecord, Token
from integrations.models.vault import SealBroken
from integrations.sync import access, incidents
from integrations.sync.addresses import base_url_problem
from integrations.sync.allowance import end_rest
from integrations.sync.completeness.watchdog import address_of
from integrations.sync.lookups import forget_all
from integrations.sync.outbound import connector_for

User = Any

# Deliveries on the way are signed with the old secret for a while.
ROTATED = ("webhook_secret", "client_secret")
PREVIOUS = "_previous"

_NOT_IN_IDS = re.compile(r"[^a-z0-9_-]+")

State = Connection.State
# A good check ends these; a person's pause is ended by a person.
AWAY = (State.REFUSED, State.UNREACHABLE, State.REFRESHED)
REMEDIES: tuple[tuple[type[ConnectorError], str], ...] = (
    (AccessRefused, "Set the credentials again, then check once more."),
    (PermissionMissing, "Give the role at the vendor this permission."),
    (LimitReached, "Wait a minute and check again."),
    (TemporaryError, "Look at the base URL, wait a minute and check again."),
    (ConnectorError, "Compare account id, base URL and API version with the vendor."),
)


@transaction.atomic
def set_credential(connection: Connection, name: str, value: str, by: User) -> None:
    """Keep a secret, encrypted, and drop the token that the old one fetched.

    A secret that signs deliveries stays on as `<name>_previous`.
    """
    known = connection.credentials.filter(name=name).first()
    if known and name in ROTATED:
        _keep_previous(known, value)
    _put(connection, name, value, by)
    Token.objects.filter(connection=connection).delete()


def _keep_previous(known: Credential, value: str) -> None:
    try:
        old = known.open().reveal()
    except SealBroken:  # nothing can be verified with what nobody can read
        return
    if old != value:
        _put(known.connection, known.name + PREVIOUS, old, known.set_by)


def _put(connection: Connection, name: str, value: str, by: User) -> None:
    known = connection.credentials.filter(name=name).first()
    credential = known or Credential(connection=connection, name=name)
    credential.set_by = by
    credential.put(value)
    credential.save()


@transaction.atomic
def clear_credential(connection: Connection, name: str) -> bool:
    """Forget a secret and the token it fetched; say whether there was one."""
    cleared, _ = connection.credentials.filter(name=name).delete()
    Token.objects.filter(connection=connection).delete()
    return bool(cleared)


def wanted_credentials(connection: Connection) -> list[Setting]:
    """Return the secrets of the chosen way to log in, then those of webhooks."""
    connector = connector_class(connection.system)
    methods = {method.kind: method for method in connector.auth_methods}
    chosen = methods.get(connection.auth_method)
    wanted = list(chosen.credentials) if chosen else []
    named = {setting.name for setting in wanted}
    for name in connector.webhook_secrets:
        if name not in named and not name.endswith(PREVIOUS):
            label = name.replace("_", " ").capitalize()
            wanted.append(Setting(name, label, secret=True, required=False))
    return wanted


def check(connection: Connection) -> CheckResult:
    """Call the vendor and say in words what works.

    Success resumes after a refusal or an outage, and ends a wait the vendor asked for.
    """
    result = _missing(connection) or _call(connection)
    if result.is_good:
        end_rest(connection)
    if result.is_good and connection.state in AWAY:
        access.resume(connection, unless=[State.PAUSED])
    return CheckResult((*result.lines, *_privacy_lines(connection)))


def _privacy_lines(connection: Connection) -> list[CheckLine]:
    """Name the addresses that only a person can enter, where there are any.

    The vendor shows them to no API, so nobody can say whether they stand there.
    """
    topics = connector_class(connection.system).privacy_topics
    if not topics:
        return []
    address = address_of(connection)
    named = "; ".join(f"{topic}: {address}" for topic in topics)
    latest = connection.privacy_requests.order_by("-pk").first()
    came = f"The last one came on {latest.received_at:%-d %b %Y}" if latest else ""
    remedy = (
        f"Enter these addresses in the settings of the app, under Compliance webhooks: "
        f"{named}"
    )
    text = (
        f"Demands about personal data are taken in. {came or 'None has come yet'}; "
        "Waybill cannot see whether the app sends them."
    )
    return [CheckLine(True, text, remedy)]


def _missing(connection: Connection) -> CheckResult | None:
    known = set(connection.credentials.values_list("name", flat=True))
    lines = [
        CheckLine(False, f"{wanted.label} is not set.", "Set it under Credentials.")
        for wanted in wanted_credentials(connection)
        if wanted.required and wanted.name not in known
    ]
    address = base_url_problem(connection)
    if address:
        lines.append(CheckLine(False, address))
    return CheckResult(tuple(lines)) if lines else None


def _call(connection: Connection) -> CheckResult:
    seen: list[Exchange] = []
    try:
        return connector_for(connection, seen.append).check()
    except ConnectorError as error:
        return CheckResult((CheckLine(False, str(error), remedy_for(error)),))
    except SealBroken:
        line = CheckLine(
            False,
            "The stored credentials cannot be read with the encryption keys in use.",
            "Bring the key back into WAYBILL_FIELD_KEYS, or set the credentials again.",
        )
        return CheckResult((line,))
    finally:
        _note(connection, seen)


def _note(connection: Connection, seen: list[Exchange]) -> None:
    """A check that found nobody counts like any other call."""
    last = seen[-1] if seen else None
    if last and (last.status is None or last.status >= 500):
        access.note_failure(connection, ServerFault(last.error))
    elif last:
        access.note_answer(connection)


def remedy_for(error: ConnectorError) -> str:
    """Say what a person can do about a vendor's refusal."""
    return next(remedy for kind, remedy in REMEDIES if isinstance(error, kind))


@transaction.atomic
def pause(connection: Connection, by: User, reason: str) -> bool:
    """Stop sending through a connection; say whether it was not paused before.

    A probe that is due is called off: its success would resume what a person paused.
    A planned outage that was paused alerts nobody.
    """
    moved = connection.move(State.PAUSED, f"{reason} ({by})")
    incidents.close(connection)
    Connection.objects.filter(pk=connection.pk).update(probe_at=None)
    return moved


@transaction.atomic
def mark_refreshed(connection: Connection, by: User) -> None:
    """Note that a sandbox was refreshed: its tokens are gone and its ids have moved.

    Nothing is sent until new credentials pass a check. Ids are looked up again by
    external id, so no order goes out with the id of another item.
    """
    Token.objects.filter(connection=connection).delete()
    forget_all(connection)
    connection.move(State.REFRESHED, f"Set the new credentials, then check ({by}).")
    Connection.objects.filter(pk=connection.pk).update(probe_at=None)


@transaction.atomic
def resume(connection: Connection) -> bool:
    """Make a connection ready and let what was held for it go on; ends its alert."""
    was_ready = connection.is_ready
    access.resume(connection)
    return not was_ready


def default_namespace(connection: Connection) -> str:
    """Return system and account in the alphabet of external ids."""
    account = connection.account_id.split(".")[0].lower()
    return _NOT_IN_IDS.sub("-", f"{connection.system}-{account}").strip("-")[:80]


def is_used(connection: Connection) -> bool:
    """Say whether anything was recorded under this connection's external ids."""
    ours = Q(flow__source=connection) | Q(target_connection=connection)
    linked = Q(source_connection=connection) | Q(target_connection=connection)
    return (
        SyncRecord.objects.filter(ours).exists() or Link.objects.filter(linked).exists()
    )
