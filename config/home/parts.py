"""What the home page is put together from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.admin import AdminSite
from django.db.models import Model
from django.urls import reverse

from config.tiles import Tile

# A card shows so many rows; its link leads to all of them.
SHOWN = 5


@dataclass(frozen=True)
class Row:
    """One line of a card: where it leads, what it says, a quiet line, a pill."""

    text: str
    url: str = ""
    note: Any = ""
    pill: Any = ""


@dataclass(frozen=True)
class Card:
    """A short list under its own heading; `empty` is said when there is nothing.

    `url` leads to the whole list, under the words of `more`.
    """

    key: str
    title: str
    rows: Sequence[Row] = ()
    empty: str = ""
    url: str = ""
    more: str = "Show all"
    note: str = ""


@dataclass(frozen=True)
class Section:
    """One part of the page, made for one kind of work."""

    key: str
    title: str
    tiles: Sequence[Tile] = ()
    cards: Sequence[Card] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not self.tiles and not self.cards


def page_url(site: AdminSite, row: Model) -> str:
    """Return the address of the page of a row."""
    meta = row._meta
    name = f"{site.name}:{meta.app_label}_{meta.model_name}_change"
    return reverse(name, args=[row.pk])


def joined(parts: Iterable[str]) -> str:
    """Return what is there, with middle dots between."""
    return " · ".join(part for part in parts if part)
