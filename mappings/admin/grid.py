"""The editable grid of a draft: what people type, read and checked row by row."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django import forms
from django.forms.models import BaseInlineFormSet

from mappings import engine
from mappings.admin.cells import Carried, Cell, Choice, Tick, Unseen
from mappings.editing import Conflict, Merged, seen_text
from mappings.engine import (
    Document,
    DocumentError,
    Finding,
    chain_items,
    parse_chain,
    parse_literal,
    print_chain,
    print_literal,
)
from mappings.engine.lint import check_check, check_exclusion, check_row, check_section
from mappings.engine.wording import system_key
from mappings.models import ExclusionRule, MappingRow, MappingSection, SumCheck
from mappings.rows import (
    CLEAR,
    DEFAULT,
    LEAVE_OUT,
    LONGEST,
    REFUSE,
    WHEN_EMPTY,
    input_columns,
    shown_chain,
    shown_input,
    when_empty,
)

# Parts of a row that the grid shows in one cell.
CELLS = {
    "source": "comes_from",
    "constant": "comes_from",
    "template": "comes_from",
    "expression": "comes_from",
    "transforms": "chain",
    "required": "when_empty",
    "clears": "when_empty",
}
STEP = 10
# The place of a line that has none: behind all others.
LAST = 1_000_000


class PartForm(forms.ModelForm):
    """One line of the grid; faults found by the engine show at their cell.

    `seen` carries what the line said when the page was made.
    """

    seen = Carried()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["seen"] = seen_text(self.instance)
        for name, field in self.fields.items():
            label = field.label or name.replace("_", " ").capitalize()
            field.widget.attrs.setdefault("aria-label", label)

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        try:
            findings = list(self.findings())
        except DocumentError as error:
            self.add_error(None, str(error))
            return
        for finding in findings:
            self.add_error(self.cell_of(finding), _sentence(finding.text))

    def findings(self) -> Iterable[Finding]:
        """Give what the engine finds wrong with this line alone."""
        raise NotImplementedError

    def cell_of(self, finding: Finding) -> str | None:
        name = CELLS.get(finding.field, finding.field)
        return name if name in self.fields else None


class RowForm(PartForm):
    """One target field."""

    comes_from = forms.CharField(
        required=False,
        label="Comes from",
        max_length=1000,
        widget=Cell("wide"),
        help_text="A path as line_items[0].sku, several with commas, a text with "
        "{path} in it, or a constant in quotes.",
    )
    chain = forms.CharField(
        required=False,
        label="Transforms",
        max_length=LONGEST["chain"],
        widget=Cell("wide"),
        help_text="For example: trim | cut(40) | upper",
    )
    when_empty = forms.ChoiceField(
        required=False, label="When empty", choices=WHEN_EMPTY, widget=Choice
    )

    class Meta:
        model = MappingRow
        fields = [
            *("position", "section", "target", "kind", "table"),
            *("record", "by", "needs", "default", "on_miss", "max_length"),
            *("length_option", "on_too_long", "when", "owner", "direction"),
            *("updaters", "conflict", "sensitivity", "status", "note"),
        ]
        labels = {
            "section": "List",
            "target": "Target field",
            "table": "Value table",
            "record": "Look-up record",
            "by": "Looked up by",
            "needs": "Waits for",
            "on_miss": "When a table or look-up does not know the value",
            "on_too_long": "When too long",
            "when": "Only when",
            "owner": "System of record",
            "updaters": "Who may update",
            "conflict": "When changed on both sides",
        }
        widgets = {
            "position": Cell("number", inputmode="numeric"),
            "section": Cell("word", list="section-names"),
            "target": Cell("wide"),
            "kind": Choice,
            "table": Choice,
            "on_miss": Choice,
            "on_too_long": Choice,
            "direction": Choice,
            "conflict": Choice,
            "sensitivity": Choice,
            "status": Choice,
            "record": Cell("word"),
            "by": Cell("word"),
            "needs": Cell("word"),
            "default": Cell("word"),
            "max_length": Cell("number", inputmode="numeric"),
            "length_option": Cell("word"),
            "when": Cell("wide"),
            "owner": Cell("word", list="system-names"),
            "updaters": Cell("word"),
            "note": Cell("wide", spellcheck="true"),
        }

    # A choice that was not sent stays as it comes.
    AS_IT_COMES = ("on_miss", "on_too_long", "direction", "conflict", "status")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.AS_IT_COMES:
            if name in self.fields:
                self.fields[name].required = False
        if "comes_from" in self.fields and self.instance.target:
            self.initial["comes_from"] = shown_input(self.instance)
            self.initial["chain"] = shown_chain(self.instance)
            self.initial["when_empty"] = when_empty(self.instance)

    def clean_chain(self) -> str:
        text: str = self.cleaned_data["chain"]
        return _read(text, lambda: print_chain(parse_chain(text)))

    def clean_owner(self) -> str:
        return system_key(self.cleaned_data["owner"])

    def clean_updaters(self) -> str:
        return system_key(self.cleaned_data["updaters"])

    def clean_default(self) -> str:
        return _literal(self.cleaned_data["default"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for name in self.AS_IT_COMES:
            if not cleaned.get(name):
                cleaned[name] = getattr(self.instance, name)
        if "kind" in cleaned and "comes_from" in cleaned:
            self._take_input(cleaned["kind"], cleaned["comes_from"].strip())
        if "chain" in cleaned:
            self.instance.transforms = chain_items(parse_chain(cleaned["chain"]))
        if "default" in cleaned and "when_empty" in cleaned:
            self._take_when_empty(cleaned["when_empty"], cleaned["default"])
        return cleaned

    def _take_input(self, kind: str, text: str) -> None:
        try:
            columns = input_columns(kind, text)
        except DocumentError as error:
            self.add_error("comes_from", _sentence(str(error)))
            return
        for name, value in columns.items():
            longest = LONGEST[name]
            if len(value) > longest:
                words = f"{len(value)} characters; at most {longest} for this kind."
                self.add_error("comes_from", words)
                return
            setattr(self.instance, name, value)

    def _take_when_empty(self, choice: str, default: str) -> None:
        """Take what a row does without a value; a default typed alone is a choice."""
        is_new = default and "default" in self.changed_data
        if choice in ("", LEAVE_OUT) and is_new or not choice and default:
            choice = DEFAULT
        if choice == DEFAULT and not default:
            text = "Say which value to use, or choose another “when empty”."
            self.add_error("default", text)
        elif choice != DEFAULT and default:
            text = "Empty the default, or choose “Use the default” when empty."
            self.add_error("default", text)
        if choice != DEFAULT:
            self.instance.required = choice == REFUSE
        self.instance.clears = choice == CLEAR

    def findings(self) -> Iterable[Finding]:
        row = self.instance.as_row()
        document = Document("", (row,), tables={row.table: {}} if row.table else {})
        found = check_row(document, row)
        return (finding for finding in found if finding.field != "section")


class SectionForm(PartForm):
    class Meta:
        model = MappingSection
        fields = ["position", "name", "target", "source", "when"]
        widgets = {
            "position": Cell("number", inputmode="numeric"),
            "name": Cell("word"),
            "target": Cell("wide"),
            "source": Cell("wide"),
            "when": Cell("wide"),
        }

    def findings(self) -> Iterable[Finding]:
        section = self.instance.as_section()
        row = engine.Row("x", section=section.name)
        return check_section(Document("", (row,)), section)


class ExclusionForm(PartForm):
    class Meta:
        model = ExclusionRule
        fields = ["position", "name", "when"]
        widgets = {
            "position": Cell("number", inputmode="numeric"),
            "name": Cell("wide"),
            "when": Cell("wide"),
        }

    def findings(self) -> Iterable[Finding]:
        return check_exclusion(self.instance.as_exclusion())


class CheckForm(PartForm):
    """One sum check; its parts are written with commas between them."""

    parts_text = forms.CharField(
        label="Parts at the target", max_length=500, widget=Cell("wide")
    )

    class Meta:
        model = SumCheck
        fields = ["position", "name", "source"]
        widgets = {
            "position": Cell("number", inputmode="numeric"),
            "name": Cell("wide"),
            "source": Cell("wide"),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "parts_text" in self.fields:
            self.initial["parts_text"] = ", ".join(self.instance.parts)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        parts = cleaned.get("parts_text", "").split(",")
        self.instance.parts = [part.strip() for part in parts if part.strip()]
        return cleaned

    def findings(self) -> Iterable[Finding]:
        check = self.instance.as_check()
        found = check_check(Document("", ()), check)
        return (one for one in found if not one.text.startswith("no row fills"))

    def cell_of(self, finding: Finding) -> str | None:
        return "parts_text" if finding.field == "parts" else super().cell_of(finding)


class PartFormSet(BaseInlineFormSet):
    """Lines of one kind; a line without a position goes to the end.

    `merged` says what other people did to the lines meanwhile; `kept` are the parts
    that were not sent, since nobody touched them.
    """

    def __init__(
        self,
        *args: Any,
        merged: Merged | None = None,
        kept: Sequence[Any] = (),
        **kwargs: Any,
    ) -> None:
        self.merged = merged or Merged()
        self.kept = kept
        super().__init__(*args, **kwargs)

    def shown_forms(self) -> list[Any]:
        """Return a form for each part, those that were not sent among the others."""
        if not self.kept:
            return list(self.forms)
        found = [*self.forms, *map(self._untouched, range(len(self.kept)))]
        return sorted(found, key=_place_of)

    def _untouched(self, number: int) -> Any:
        prefix = self.add_prefix(len(self.forms) + number)
        form = self.form(
            instance=self.kept[number], prefix=prefix, **self.get_form_kwargs(None)
        )
        self.add_fields(form, None)
        form.fields["id"].initial = self.kept[number].pk
        return form

    @property
    def shown_total(self) -> int:
        return self.total_form_count() + len(self.kept)

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        form.fields["position"].required = False
        for name in ("id", "version", "DELETE"):
            if name in form.fields:
                form.fields[name].widget = Tick() if name == "DELETE" else Unseen()
        if form.instance.pk is None:
            form.initial["position"] = None
        if "table" in form.fields:
            form.fields["table"].choices = self._tables(form.fields["table"])

    def _tables(self, field: Any) -> list[tuple[Any, str]]:
        """Read the value tables once for all rows."""
        if not hasattr(self, "_table_choices"):
            self._table_choices = [
                ("", "–"),
                *((table.pk, table.name) for table in field.queryset),
            ]
        return self._table_choices

    def conflict_of(self, number: int) -> Conflict | None:
        """Return what two people made of one line, where that is to be decided."""
        found = (one for one in self.merged.conflicts if one.number == number)
        return next(found, None)

    def clean(self) -> None:
        super().clean()
        parts = [form.instance for form in self.forms]
        highest = max((part.position or 0 for part in (*parts, *self.kept)), default=0)
        for form in self.forms:
            if form.has_changed() and form.cleaned_data.get("position") is None:
                highest += STEP
                form.instance.position = highest
        if self.merged.conflicts:
            names = ", ".join(one.name for one in self.merged.conflicts)
            raise forms.ValidationError(
                f"Somebody else saved while you edited: {names}. Nothing of yours is "
                "stored or lost yet. Choose whose values count, then save again."
            )


def _place_of(form: Any) -> int:
    text = str(form["position"].value() or "")
    return int(text) if text.isdecimal() else LAST


def _literal(text: str) -> str:
    """Return a constant in its one spelling; raise ValidationError for a bad quote."""
    return _read(text, lambda: print_literal(parse_literal(text)))


def _read(text: str, reader: Callable[[], str]) -> str:
    try:
        return reader()
    except DocumentError as error:
        raise forms.ValidationError(_sentence(str(error))) from error


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith(".") else ".")
