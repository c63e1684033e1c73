"""Finds ledger lines among millions: by whole words that an index knows."""

from django.db.models import Q

from errorqueue.admin.search import EXTERNAL_ID
from integrations.models import Link, SyncRecord

MOST_RECORDS = 200


def whole(term: str) -> Q:
    """Return what `term` names: an order number, an e-mail, an id of either side.

    Order numbers match with and without their "#". Parts of words are not looked
    for: that would read every line.
    """
    word = term.strip()
    if not word:
        return Q()
    bare = word.lstrip("#")
    named = Q(label__in=[word, bare, f"#{bare}"]) | Q(email=word)
    return named | Q(source_key__in=_source_keys(word)) | Q(pk__in=_linked(word))


def _source_keys(word: str) -> list[str]:
    """An external id ends with the id of the source."""
    external_id = EXTERNAL_ID.search(word)
    return [word, external_id[1]] if external_id else [word]


def _linked(word: str) -> list[int]:
    """Return the lines that led to a record of the target with this id."""
    links = Link.objects.filter(Q(target_id=word) | Q(external_id=word))
    found: list[int] = []
    for link in links[:MOST_RECORDS]:
        lines = SyncRecord.objects.filter(
            source_key=link.source_id,
            flow__source=link.source_connection_id,
            flow__source_entity=link.source_entity,
        )
        found += lines.values_list("pk", flat=True)
    return found
