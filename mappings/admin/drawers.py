"""How the rows of a version are shown: a line each, and a drawer with all fields."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from mappings.editing import Conflict
from mappings.engine.wording import system
from mappings.models import KIND_LABELS, MappingRow
from mappings.rows import FIELDS, WHEN_EMPTY, values_of

# The fields of a drawer, by what they are about.
GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Value",
        ("target", "kind", "comes_from", "chain", "table", "record", "by", "needs"),
    ),
    (
        "When something is missing",
        (
            *("when_empty", "default", "on_miss", "when"),
            *("max_length", "on_too_long", "length_option"),
        ),
    ),
    (
        "Whose field it is",
        ("owner", "direction", "updaters", "conflict", "sensitivity"),
    ),
    ("About this row", ("status", "note", "section", "position")),
)
STATUS_PILLS = {"agreed": "good", "proposed": "wait", "open": "warn"}
PICKED = {
    "target": "Pick a target field",
    "comes_from": "Pick from the source",
    "chain": "Pick transforms",
}
UNSEEN = ("id", "version", "seen")


@dataclass(frozen=True)
class Line:
    """One row of the grid: what its line shows, and the form in its drawer."""

    number: str
    values: dict[str, str]
    form: Any
    conflict: Conflict | None
    is_open: bool

    @property
    def key(self) -> str:
        """Return the name by which scripts and checks know this row."""
        return f"rows-{self.number}"

    @property
    def is_touched(self) -> bool:
        """Say whether the row was sent and is not stored yet."""
        return self.form is not None and self.form.is_bound

    @property
    def kind(self) -> str:
        labels = {str(kind): label for kind, label in KIND_LABELS.items()}
        return labels.get(self.values.get("kind", ""), "")

    @property
    def owner(self) -> str:
        """Return the system of record by its proper name."""
        return system(self.values["owner"], "")

    @property
    def status(self) -> str:
        return dict(MappingRow.Status.choices).get(self.values["status"], "")

    @property
    def tone(self) -> str:
        return STATUS_PILLS.get(self.values["status"], "mute")

    @property
    def drawer(self) -> SafeString:
        """Return every field of the row with its label, or its value to read."""
        if self.form is None:
            return _to_read(self.values)
        return _to_write(self.form)


def groups_of(formset: Any, may_write: bool) -> list[dict[str, Any]]:
    """Return the rows of a version, those of one list together."""
    sections = {one.name: one for one in formset.instance.sections.all()}
    names = ["", *sections]
    lines: dict[str, list[Line]] = {name: [] for name in names}
    for line in _lines(formset, may_write):
        lines.setdefault(line.values["section"], []).append(line)
    return [
        {"name": name, "section": sections.get(name), "lines": found}
        for name, found in lines.items()
        if found or name in names
    ]


def empty_line(formset: Any) -> Line:
    """Return the line that is copied for a new row."""
    form = formset.empty_form
    return Line("__prefix__", _values(form), form, None, True)


def _lines(formset: Any, may_write: bool) -> Iterator[Line]:
    for place, form in enumerate(formset.shown_forms()):
        if not may_write:
            yield Line(str(place), _read_values(form.instance), None, None, False)
            continue
        number = int(form.prefix.rpartition("-")[2])
        conflict = formset.conflict_of(number)
        is_open = bool(form.errors or conflict)
        yield Line(str(number), _values(form), form, conflict, is_open)


def _values(form: Any) -> dict[str, str]:
    """Return what a form shows now, typed or stored."""
    found = {}
    for name in FIELDS[MappingRow]:
        value = form[name].value() if name in form.fields else None
        found[name] = "" if value is None else str(value)
    return found


def _read_values(row: MappingRow) -> dict[str, str]:
    return values_of(row) | {"table": row.table.name if row.table else ""}


def _to_write(form: Any) -> SafeString:
    unseen = format_html_join(
        "", "{}", ((form[n],) for n in UNSEEN if n in form.fields)
    )
    groups = format_html_join(
        "",
        '<fieldset class="drawer-group"><legend>{}</legend>{}</fieldset>',
        ((title, _fields(form, names)) for title, names in GROUPS),
    )
    return format_html("{}{}{}", unseen, form.non_field_errors(), groups)


def _fields(form: Any, names: tuple[str, ...]) -> SafeString:
    return format_html_join(
        "",
        '<div class="drawer-field field-{}"><label for="{}">{}</label>{}{}{}</div>',
        (
            (
                name,
                form[name].id_for_label,
                form[name].label,
                form[name],
                _picker(form, name),
                form.errors.get(name, ""),
            )
            for name in names
        ),
    )


def _picker(form: Any, name: str) -> SafeString:
    if name not in PICKED:
        return mark_safe("")
    return format_html(
        '<button type="button" class="button button-quiet button-small" '
        'data-pick="{}" data-for="{}" hidden>{}</button>',
        name,
        form[name].id_for_label,
        PICKED[name],
    )


def _to_read(values: dict[str, str]) -> SafeString:
    facts = format_html_join(
        "",
        "<div><dt>{}</dt><dd>{}</dd></div>",
        (
            (FIELDS[MappingRow][name].capitalize(), _shown(name, values[name]))
            for _, names in GROUPS
            for name in names
            if values.get(name)
        ),
    )
    return format_html('<dl class="facts">{}</dl>', facts)


def _shown(name: str, value: str) -> Any:
    """Return the words for a value that was chosen, a path or transforms as code."""
    if name in ("target", "comes_from", "chain", "when", "default"):
        return format_html("<code>{}</code>", value)
    if name in ("owner", "updaters"):
        names = (system(one.strip(), "") for one in value.split(","))
        return ", ".join(filter(None, names))
    choices = {
        "kind": {str(kind): label for kind, label in KIND_LABELS.items()},
        "when_empty": dict(WHEN_EMPTY),
        "on_miss": dict(MappingRow.OnMiss.choices),
        "on_too_long": dict(MappingRow.TooLong.choices),
        "direction": dict(MappingRow.Direction.choices),
        "conflict": dict(MappingRow.Conflict.choices),
        "sensitivity": dict(MappingRow.Sensitivity.choices),
        "status": dict(MappingRow.Status.choices),
    }
    return choices.get(name, {}).get(value, value)
