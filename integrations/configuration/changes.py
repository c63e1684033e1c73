"""Saving what differs, and saying so in words."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import time
from typing import Any

from django.db import models

from integrations.configuration.values import Item


@dataclass
class Changes:
    """What was changed, and what was left alone although the files differ."""

    lines: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, subject: str, what: str) -> None:
        self.lines.append(f"{subject}: {what}")

    def leave(self, subject: str, why: str) -> None:
        self.notes.append(f"{subject}: {why}")


def put(
    row: models.Model,
    subject: str,
    wanted: Mapping[str, Any],
    item: Item,
    changes: Changes,
    created: str = "created",
    spoken: Mapping[str, Callable[[Any], str]] | None = None,
) -> None:
    """Save the columns of `wanted` that differ, and note each in words.

    `spoken` has the words for columns that keep something else than people write.
    """
    say = spoken or {}
    is_new = row.pk is None
    different = [
        name for name in wanted if is_new or getattr(row, name) != wanted[name]
    ]
    for name in different:
        if not is_new:
            old, new = getattr(row, name), wanted[name]
            changes.add(subject, _words(name, old, new, item, say.get(name, show)))
        setattr(row, name, wanted[name])
    if is_new:
        row.save()
        changes.add(subject, created)
    elif different:
        row.save(update_fields=different)


def _words(name: str, old: Any, new: Any, item: Item, say: Callable[[Any], str]) -> str:
    if item.is_filled(name):
        return f"{name} changed"
    return f"{name} {say(old)} → {say(new)}"


def show(value: Any) -> str:
    """Write a value for a person."""
    if isinstance(value, models.Model):
        return str(getattr(value, "slug", value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, time):
        return str(value).removesuffix(":00")
    if value in ("", None, [], {}):
        return "empty"
    return (
        json.dumps(value, ensure_ascii=False)
        if isinstance(value, dict | list)
        else str(value)
    )


def counted(count: int, thing: str) -> str:
    """Write `1 row`, `2 rows`."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
