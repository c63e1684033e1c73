"""The scenario library: what is tried before a mapping is signed.

Its records are real payloads of the vendors, kept as files beside this one.
"""

import json
from copy import copy
from pathlib import Path
from typing import Any

from integrations.configuration.changes import Changes, put
from integrations.configuration.problems import Problems, suggest
from integrations.configuration.schema import SCENARIO, Wanted
from integrations.configuration.values import Item
from integrations.studio.acceptance import library, payloads, plays
from integrations.studio.acceptance.evidence import make_worthless, says_another
from mappings.models import Scenario

SAMPLES = Path(__file__).parent / "scenarios"
ADDED = ("sample", "prepare", "changes")
COLUMNS = tuple(name for name in SCENARIO if name not in ADDED)


def check_scenarios(wanted: Wanted, problems: Problems) -> None:
    """Note what cannot be played: an unknown key or sample, a change of nothing."""
    for item in wanted.scenarios:
        key = item.get("key")
        if key and key not in plays.PLAYS:
            text = f"There is no play “{key}”."
            problems.add(item.at("key"), text, suggest(key, plays.PLAYS))
        sample = item.get("sample")
        known = [file.name for file in sorted(SAMPLES.glob("*.json"))]
        if sample and sample not in known:
            text = f"There is no sample “{sample}”."
            problems.add(item.at("sample"), text, suggest(sample, known))
        elif sample:
            _check_changes(item, problems)


def _check_changes(item: Item, problems: Problems) -> None:
    try:
        payloads.changed(_sample(item), _changes(item), payloads.words_for("X", "X"))
    except payloads.PathMissing as error:
        problems.add(item.at("changes"), str(error), "Name a place that is there.")


def apply_scenarios(wanted: Wanted, changes: Changes) -> None:
    for item in wanted.scenarios:
        slug = item.get("slug")
        stored = Scenario.objects.filter(slug=slug).first() or Scenario()
        columns = item.only(COLUMNS) | {
            "source": _sample(item),
            "changes": _changes(item),
            "origin": item.get("sample"),
        }
        before = copy(stored)
        put(stored, f"scenario {slug}", columns, item, changes)
        if before.pk is None:
            library.tell_entered(stored, None)
            continue
        library.tell_changed(before, stored, None)
        if says_another(before, columns):
            make_worthless(stored)


def _changes(item: Item) -> list[dict[str, Any]]:
    asked = [*(item.get("prepare") or []), *(item.get("changes") or [])]
    return [dict(one.values) for one in asked]


def _sample(item: Item) -> Any:
    return json.loads((SAMPLES / item.get("sample")).read_text())


def export_scenarios() -> list[dict[str, Any]]:
    """Return those of the library; what people made from own records stays here."""
    found = Scenario.objects.exclude(group=Scenario.Group.OWN).order_by("slug")
    return [
        {
            **{name: getattr(one, name) for name in COLUMNS},
            "sample": one.origin,
            "changes": one.changes,
        }
        for one in found
    ]
