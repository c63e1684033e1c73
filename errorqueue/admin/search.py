"""Finds failed records by what people have at hand."""

import re

from django.db.models import Q

HUMAN_ID = re.compile(r"^err-?(\d{1,18})$", re.IGNORECASE)


def search(term: str) -> Q:
    """Return what every word of `term` must match, each anywhere it may stand.

    An order number matches with and without its "#"; an id of the source with and
    without the address in front of it.
    """
    found = Q()
    for word in term.split():
        found &= _word(word)
    return found


def _word(word: str) -> Q:
    human_id = HUMAN_ID.match(word)
    if human_id:
        return Q(pk=int(human_id[1]))
    bare = word.lstrip("#")
    if not bare:
        return Q()
    number = Q(reference__istartswith=bare) | Q(reference__istartswith=f"#{bare}")
    document = Q(source_id__iexact=bare) | Q(source_id__endswith=f"/{bare}")
    named = Q(party__icontains=word) | Q(email__icontains=word)
    return number | document | named | Q(skus__icontains=bare)
