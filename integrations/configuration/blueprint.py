"""The data-flow blueprint: entities from files, and the presets that Waybill ships."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction

from integrations.configuration.changes import Changes, put
from integrations.configuration.problems import (
    ConfigurationRefused,
    Problems,
    suggest,
)
from integrations.configuration.reader import read
from integrations.configuration.schema import ENTITY, Wanted, read_wanted
from integrations.configuration.values import Item
from integrations.models import AuditEntry, Entity

FOLDER = Path(__file__).with_name("blueprint")
EMPTY: tuple[Any, ...] = ("", None, [], False)
COLUMNS = tuple(name for name in ENTITY if name != "follows")


@dataclass(frozen=True)
class Preset:
    """A table of decisions that others made before, and what it decides."""

    slug: str
    name: str
    what: str
    decides: tuple[str, ...]

    @property
    def file(self) -> str:
        return str(FOLDER / f"{self.slug}.yaml")


CADENCE = ("trigger", "cadence", "note")
PRESETS = (
    Preset(
        "source-of-truth",
        "Source of truth",
        "One owner for each kind of data between Magento and NetSuite.",
        ("system_of_record", "rules"),
    ),
    Preset(
        "magento-cadence",
        "Cadence with Magento",
        "Orders near real time, inventory every 15–30 minutes, prices nightly, "
        "customers on change plus nightly, products daily.",
        CADENCE,
    ),
    Preset(
        "shopify-cadence",
        "Cadence with Shopify",
        "Events for orders, customers, refunds and fulfilments; stock near real time.",
        CADENCE,
    ),
)


def check_blueprint(wanted: Wanted, problems: Problems) -> None:
    names = wanted.slugs("blueprint") | set(
        Entity.objects.values_list("slug", flat=True)
    )
    for item in wanted.blueprint:
        for slug in item.get("follows") or []:
            if slug not in names:
                text = f"There is no entity “{slug}” in the files or in the console."
                problems.add(item.at("follows"), text, suggest(slug, names))


def apply_blueprint(wanted: Wanted, changes: Changes) -> None:
    for item in wanted.blueprint:
        slug = item.get("slug")
        entity = Entity.objects.filter(slug=slug).first() or Entity()
        put(entity, f"entity {slug}", item.only(COLUMNS), item, changes)
    for item in wanted.blueprint:
        if "follows" in item.values:
            _follow(Entity.objects.get(slug=item.get("slug")), item, changes)


def _follow(entity: Entity, item: Item, changes: Changes) -> None:
    asked = set(item.get("follows"))
    stored = set(entity.follows.values_list("slug", flat=True))
    if asked != stored:
        entity.follows.set(Entity.objects.filter(slug__in=asked))
        words = ", ".join(sorted(asked)) or "none"
        changes.add(f"entity {entity.slug}", f"follows: {words}")


@transaction.atomic
def apply_preset(preset: Preset, by: Any) -> list[str]:
    """Enter what a preset knows; return what changed, in words.

    An entity that stands already keeps everything but what the preset decides.
    """
    problems = Problems()
    root = read(preset.file, {}, problems)
    wanted = read_wanted([root] if root else [], problems)
    if problems:
        raise ConfigurationRefused(problems)
    changes, made = Changes(), set()
    for item in wanted.blueprint:
        entity = Entity.objects.filter(slug=item.get("slug")).first()
        columns = preset.decides if entity else COLUMNS
        entity = entity or Entity()
        made |= set() if entity.pk else {item.get("slug")}
        put(entity, item.get("name"), item.only(columns), item, changes)
    for item in wanted.blueprint:
        if item.get("slug") in made and item.get("follows"):
            _follow(Entity.objects.get(slug=item.get("slug")), item, Changes())
    if changes.lines:
        what = f"{preset.name}: {'; '.join(changes.lines)}"
        AuditEntry.objects.note_change("blueprint", 0, "preset", what, by)
    return changes.lines


def export_blueprint() -> list[dict[str, Any]]:
    """Return every entity as a file would name it."""
    entities = Entity.objects.order_by("slug").prefetch_related("follows")
    return [_exported(entity) for entity in entities]


def _exported(entity: Entity) -> dict[str, Any]:
    columns = {name: getattr(entity, name) for name in COLUMNS}
    if entity.history_from:
        columns["history_from"] = entity.history_from.isoformat()
    columns["follows"] = sorted(one.slug for one in entity.follows.all())
    return {name: value for name, value in columns.items() if value not in EMPTY}
