"""What people do with a value that no table knows: take it in, or set it aside."""

from typing import Any

from django.db import transaction

from mappings.changes import Change, tell
from mappings.models import SeenValue
from mappings.tables.editing import NotSaved, RowEdit, save_rows

State = SeenValue.State


class NotNow(Exception):
    """The value was settled meanwhile, or cannot be mapped so; says what to do."""


@transaction.atomic
def accept(seen: SeenValue, target: str, by: Any) -> None:
    """Add a row for a value to its table. Raises NotNow, changing nothing then."""
    if not target:
        raise NotNow(f"Choose what '{seen.value}' becomes, then accept it.")
    edit = RowEdit(0, (seen.value, target, ""))
    try:
        save_rows(seen.table, [edit], by)
    except NotSaved as reason:
        raise NotNow(f"{seen.table}: {reason}") from reason
    SeenValue.objects.filter(pk=seen.pk).update(state=State.MAPPED, settled_by=by)


@transaction.atomic
def set_aside(seen: SeenValue, by: Any) -> None:
    """Take a value off the list; it stays unmapped. Raises NotNow."""
    _move(seen, (State.NEW,), State.IGNORED, by)


@transaction.atomic
def bring_back(seen: SeenValue, by: Any) -> None:
    """Undo `set_aside`. Raises NotNow."""
    _move(seen, (State.IGNORED,), State.NEW, by)


def _move(seen: SeenValue, before: tuple[str, ...], state: str, by: Any) -> None:
    mine = SeenValue.objects.filter(pk=seen.pk, state__in=before)
    if not mine.update(state=state, settled_by=by):
        standing = SeenValue.objects.get(pk=seen.pk).get_state_display()
        raise NotNow(f"'{seen.value}' is settled already: {standing}.")
    _tell(seen, state, by)


def _tell(seen: SeenValue, state: str, by: Any) -> None:
    words = str(State(state).label)
    tell(Change("table", seen.table_id, "value settled", seen.value, "", "", words), by)
