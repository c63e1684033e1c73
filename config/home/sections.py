"""Which parts of the home page a person sees: those of the roles they have.

A role is told by a right that only it has. Who has none of these (an auditor, say)
sees every part that their rights open.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from config import tiles
from config.home import mappings, money, queue, setup
from config.home.look import Look
from config.home.parts import Card, Section
from config.tiles import Builder

Cards = Callable[[Look], Iterator[Card]]


@dataclass(frozen=True)
class Role:
    """One kind of work: who does it, who may look, and what they open first."""

    key: str
    title: str
    does: str
    sees: str
    tiles: tuple[Builder, ...]
    cards: Cards


# What needs somebody soonest comes first.
ROLES = (
    Role(
        "queue",
        "The error queue",
        "errorqueue.exclude_failedrecord",
        "errorqueue.view_failedrecord",
        (
            *(tiles.flows, tiles.queue, tiles.mine, tiles.records),
            *(tiles.connections, tiles.maintenance, tiles.deliveries),
            *(tiles.alerts, tiles.conflicts),
        ),
        queue.cards,
    ),
    Role(
        "money",
        "Money and completeness",
        "mappings.sign_money",
        "integrations.view_certificate",
        (tiles.signoffs, tiles.queue, tiles.mine, tiles.records),
        money.cards,
    ),
    Role(
        "mappings",
        "Mappings",
        "mappings.change_mappingversion",
        "mappings.view_mappingversion",
        (
            *(tiles.signoffs, tiles.ready, tiles.flows),
            *(tiles.new_values, tiles.queue, tiles.conflicts),
        ),
        mappings.editing,
    ),
    Role(
        "signing",
        "Sign-offs",
        "mappings.sign_mappingversion",
        "mappings.sign_mappingversion",
        (tiles.signoffs,),
        mappings.signing_of,
    ),
    Role(
        "setup",
        "Connections and workers",
        "integrations.change_connection",
        "integrations.view_connection",
        (
            *(tiles.flows, tiles.connections, tiles.maintenance, tiles.workers),
            *(tiles.deliveries, tiles.alerts, tiles.queue),
        ),
        setup.cards,
    ),
)


def sections_for(look: Look) -> list[Section]:
    """Return the parts for a person; a figure or list stands in the first of them."""
    shown: set[str] = set()
    done: set[Builder] = set()
    found = []
    for role in roles_of(look.user):
        fresh = [one for one in role.tiles if one not in done]
        done.update(fresh)
        cards = [one for one in role.cards(look) if one.key not in shown]
        shown.update(one.key for one in cards)
        made = tiles.tiles_of(fresh, look)
        found.append(Section(role.key, role.title, made, cards))
    return [one for one in found if not one.is_empty]


def roles_of(user: Any) -> list[Role]:
    """Return the kinds of work of a person, or all that they may look at."""
    own = [role for role in ROLES if user.has_perm(role.does)]
    return own or [role for role in ROLES if user.has_perm(role.sees)]


def all_tiles(sections: Iterable[Section]) -> Iterator[tiles.Tile]:
    """Yield every figure of the page, in its order."""
    for section in sections:
        yield from section.tiles
