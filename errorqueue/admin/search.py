"""Finds failed records by what people have at hand."""

import re

from django.db.models import Q

# An external id ends with the source's own id; short numbers end SKUs as well.
EXTERNAL_ID = re.compile(r"-.*-(\d{6,})$")
HUMAN_ID = re.compile(r"^err-?(\d{1,18})$", re.IGNORECASE)


def search(term: str) -> Q:
    """Return what every word of `term` must match, each anywhere it may stand.

    An order number matches with and without its "#"; an id of the source with and
    without the address in front of it, and within an external id; an id of the
    target by how the line was settled.
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
    settled = Q(settled_how__icontains=bare)
    named = Q(party__icontains=word) | Q(email__icontains=word)
    return number | _document(bare) | named | settled | Q(skus__icontains=bare)


def _document(word: str) -> Q:
    found = Q(source_id__iexact=word) | Q(source_id__endswith=f"/{word}")
    external_id = EXTERNAL_ID.search(word)
    if external_id:
        found |= Q(source_id=external_id[1]) | Q(
            source_id__endswith=f"/{external_id[1]}"
        )
    return found
