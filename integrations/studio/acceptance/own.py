"""Own scenarios: made by people from a stored record or from pasted JSON."""

import json
from typing import Any

from django.db import transaction
from django.utils.text import slugify

from errorqueue.clock import database_time
from errorqueue.text import clean_tree
from integrations.connectors import exact
from integrations.connectors.errors import ConnectorError
from integrations.models import Connection, SyncRecord
from integrations.models.account import keyless_of
from integrations.studio.acceptance import library, payloads, plays
from integrations.studio.acceptance.evidence import (
    PLAYED,
    make_worthless,
    says_another,
)
from mappings.models import Scenario

LONGEST = 200_000


class Unusable(ValueError):
    """What was given is no record of this kind, said in words."""


def read(text: str, system: str, entity: str) -> Any:
    """Return the record in a pasted text; raises Unusable with the place of the fault."""
    if len(text) > LONGEST:
        raise Unusable(f"This is longer than {LONGEST:,} characters. Paste one record.")
    try:
        found = json.loads(text)
        is_clean = clean_tree(found) == found
    except (ValueError, RecursionError) as error:
        raise Unusable(f"This is no proper JSON: {error}. Paste it whole.") from error
    if not isinstance(found, dict):
        raise Unusable("A record is a JSON object: it begins with { and ends with }.")
    if not is_clean:
        raise Unusable(
            "It holds \\u0000 or half a character, which no database stores. Take it out."
        )
    _refuse_unreadable(found, system, entity)
    return found


def _refuse_unreadable(payload: Any, system: str, entity: str) -> None:
    """Raise Unusable unless a connection of the source would read this record."""
    source = Connection.objects.filter(system=system).first()
    if source is None:
        raise Unusable(f"There is no connection of {system} that could read this.")
    try:
        keyless_of(source).source_object(entity, exact.loads(json.dumps(payload)))
    except (ConnectorError, NotImplementedError, ValueError) as error:
        raise Unusable(
            f"{source} would not take this for a record of {entity}: {error}"
        ) from error


def of_record(record: SyncRecord, *, anonymous: bool) -> Any:
    """Return what a stored record holds, on demand without anything personal.

    Raises Unusable when its content was removed.
    """
    if not record.payload:
        raise Unusable(f"The content of {record} was removed. Choose a newer record.")
    payload = json.loads(exact.dumps(record.payload))
    return payloads.anonymised(payload) if anonymous else payload


@transaction.atomic
def save(scenario: Scenario, by: Any) -> None:
    """Enter an own scenario, or what was changed in one, with lines in the trail."""
    if scenario.pk is None:
        scenario.group, scenario.key = Scenario.Group.OWN, plays.as_it_is.__name__
        scenario.slug = _free_slug(scenario.name)
        scenario.made_at, scenario.made_by = database_time(), by
        scenario.save()
        library.tell_entered(scenario, by)
        return
    before = Scenario.objects.select_for_update().get(pk=scenario.pk)
    scenario.save()
    library.tell_changed(before, scenario, by)
    if says_another(before, {name: getattr(scenario, name) for name in PLAYED}):
        make_worthless(scenario)


@transaction.atomic
def remove(scenario: Scenario, by: Any) -> None:
    """Take an own scenario out of the library, with a line in the trail."""
    library.tell_deleted(scenario, by)
    scenario.delete()


def _free_slug(name: str) -> str:
    base = f"own-{slugify(name)[:40] or 'scenario'}"
    taken = set(
        Scenario.objects.filter(slug__startswith=base).values_list("slug", flat=True)
    )
    names = (base if not number else f"{base}-{number}" for number in range(10_000))
    return next(one for one in names if one not in taken)
