"""The forms of a connection: what its connector asks for, as real fields."""

import re
from collections.abc import Iterator
from typing import Any

from django import forms
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from integrations.admin.columns import day
from integrations.connectors.base import AuthMethod, Setting
from integrations.connectors.registry import connector_class
from integrations.models import Connection, Credential
from integrations.sync import belonging
from integrations.sync.accounts import PREVIOUS, default_namespace, wanted_credentials
from integrations.sync.addresses import base_url_problem
from integrations.sync.flows import turned_on
from integrations.sync.twins import twin_of, twin_words

OPTION = "option_"
CREDENTIAL = "credential_"
FORGET = "forget_credentials"


class BlindInput(forms.PasswordInput):
    """A password box that is always drawn empty."""

    def __init__(self) -> None:
        super().__init__(attrs={"autocomplete": "new-password", "class": "vTextField"})


class BlindTextarea(forms.Textarea):
    """A text box for a key that is always drawn empty, after errors as well."""

    def __init__(self) -> None:
        super().__init__(
            attrs={"autocomplete": "off", "spellcheck": "false", "rows": 6}
        )

    def format_value(self, value: Any) -> None:
        return None


class NewConnectionForm(forms.ModelForm):
    """Names the account; the rest is asked for on the next page."""

    class Meta:
        model = Connection
        fields = ["name", "slug", "system", "environment", "account_id"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("system") and cleaned.get("account_id"):
            refuse_account(self, cleaned["system"], cleaned["account_id"])
            refuse_twin(self, cleaned["system"], cleaned)
        return cleaned

    def save(self, commit: bool = True) -> Any:
        connector = connector_class(self.instance.system)
        methods = connector.auth_methods
        self.instance.api_version = connector.default_api_version
        self.instance.auth_method = methods[0].kind if methods else ""
        self.instance.namespace = default_namespace(self.instance)
        return super().save(commit)


class ConnectionForm(forms.ModelForm):
    """Everything about one connection; `form_class` adds what its connector asks."""

    base_url = forms.URLField(
        label="Base URL",
        required=False,
        assume_scheme="https",
        help_text="Leave empty for the vendor's own address.",
        widget=forms.URLInput(attrs={"class": "vURLField"}),
    )

    class Meta:
        model = Connection
        fields = ["name", "slug", "environment", "account_id", "base_url"]
        labels = {"api_version": "API version"}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        refuse_twin(self, self.instance.system, cleaned)
        return cleaned

    def clean_environment(self) -> str:
        """Keep the environment while flows run: they were set up for this one."""
        environment: str = self.cleaned_data["environment"]
        was = self.instance.environment
        running = turned_on(self.instance) if environment != was else []
        if running:
            names = ", ".join(str(flow) for flow in running[:5])
            raise forms.ValidationError(
                f"Flows that are on use it as a {was} account: {names}. Turn them off "
                f"first. They go on again with a {environment} document only."
            )
        return environment

    def clean_account_id(self) -> str:
        account_id: str = self.cleaned_data["account_id"]
        problem = connector_class(self.instance.system).account_problem(account_id)
        problem = problem or belonging.change_problem(self.instance, account_id)
        if problem:
            raise forms.ValidationError(problem)
        return account_id

    def clean_base_url(self) -> str:
        base_url: str = self.cleaned_data["base_url"]
        account_id = self.cleaned_data.get("account_id", "")
        system = self.instance.system
        asked = Connection(system=system, account_id=account_id, base_url=base_url)
        problem = base_url_problem(asked)
        if problem:
            raise forms.ValidationError(problem)
        return base_url

    def clean_namespace(self) -> str:
        namespace: str = self.cleaned_data["namespace"]
        if not re.fullmatch(r"[A-Za-z0-9_-]+", namespace):
            raise forms.ValidationError(
                "External ids may have letters, digits, - and _ only."
            )
        return namespace

    def save(self, commit: bool = True) -> Any:
        chosen = dict(self.chosen(OPTION))
        self.instance.options = {**self.instance.options, **chosen}
        return super().save(commit)

    def chosen(self, prefix: str) -> Iterator[tuple[str, Any]]:
        """Yield what was entered in the fields that a connector asked for."""
        for name, value in self.cleaned_data.items():
            if name.startswith(prefix):
                yield name.removeprefix(prefix), value

    def new_credentials(self) -> dict[str, str]:
        return {name: value for name, value in self.chosen(CREDENTIAL) if value}

    def forgotten_credentials(self) -> list[str]:
        return self.cleaned_data.get(FORGET) or []


def refuse_account(form: forms.ModelForm, system: str, account_id: str) -> None:
    problem = connector_class(system).account_problem(account_id)
    if problem:
        form.add_error("account_id", problem)


def refuse_twin(form: forms.ModelForm, system: str, cleaned: dict[str, Any]) -> None:
    """Let no account be both sandbox and production: unsigned mappings would reach it."""
    account_id, environment = cleaned.get("account_id"), cleaned.get("environment")
    if not account_id or not environment:
        return
    asked = Connection(
        pk=form.instance.pk,
        system=system,
        account_id=account_id,
        environment=environment,
        base_url=cleaned.get("base_url") or "",
    )
    twin = twin_of(asked)
    if twin:
        form.add_error("account_id", twin_words(twin, environment))


def form_class(connection: Connection, sets_credentials: bool) -> type[ConnectionForm]:
    """Make the form of one connection from what its connector asks for."""
    fields: dict[str, forms.Field] = {"auth_method": auth_field(connection)}
    fields |= option_fields(connection)
    if sets_credentials:
        fields |= credential_fields(connection)
    return type("ConnectionForm", (ConnectionForm,), dict(fields))


def auth_field(connection: Connection) -> forms.ChoiceField:
    methods = connector_class(connection.system).auth_methods
    notes = [
        (warning_note(method, method.kind == connection.auth_method),)
        for method in methods
        if method.warning
    ]
    return forms.ChoiceField(
        label="Way to log in",
        choices=[(method.kind, method.label) for method in methods],
        help_text=format_html_join("", "{}", notes),
    )


def warning_note(method: AuthMethod, is_chosen: bool) -> SafeString:
    """Warn about the way in use; of another one say the first sentence, quietly."""
    tone = "caution" if is_chosen else "quiet-line"
    first = method.warning.split(". ")[0].rstrip(".") + "."
    said = method.warning if is_chosen else first
    return format_html('<span class="{}">{}: {}</span>', tone, method.label, said)


def option_fields(connection: Connection) -> dict[str, forms.Field]:
    found = {}
    for setting in connector_class(connection.system).options:
        kept = connection.options.get(setting.name, setting.default)
        found[OPTION + setting.name] = option_field(setting, kept)
    return found


def option_field(setting: Setting, initial: Any) -> forms.Field:
    common = {
        "label": setting.label,
        "required": setting.required,
        "help_text": setting.help,
        "initial": initial,
    }
    if setting.choices:
        choices = [(choice, choice) for choice in setting.choices]
        blank = [] if setting.required else [("", "–")]
        return forms.ChoiceField(choices=blank + choices, **common)
    widget = forms.Textarea(attrs={"rows": 4}) if setting.multiline else None
    return forms.CharField(
        widget=widget or forms.TextInput(attrs={"class": "vTextField"}), **common
    )


def credential_fields(connection: Connection) -> dict[str, forms.Field]:
    """Return one write-only box per secret, and a way to forget what is set."""
    known = {item.name: item for item in credentials_of(connection)}
    found: dict[str, forms.Field] = {
        CREDENTIAL + setting.name: credential_field(setting, known.get(setting.name))
        for setting in wanted_credentials(connection)
    }
    if known:
        found[FORGET] = forms.MultipleChoiceField(
            label="Forget",
            required=False,
            widget=forms.CheckboxSelectMultiple,
            choices=[(name, label_of(connection, name)) for name in known],
            help_text="Ticked secrets are removed when you save.",
        )
    return found


def credential_field(setting: Setting, known: Credential | None) -> forms.CharField:
    return forms.CharField(
        label=setting.label,
        required=False,
        widget=BlindTextarea() if setting.multiline else BlindInput(),
        help_text=credential_help(setting, known),
    )


def credential_help(setting: Setting, known: Credential | None) -> SafeString:
    state = format_html(
        '<span class="{}">{}</span>', "set" if known else "not-set", set_when(known)
    )
    keep = "leave empty to keep it" if known else ""
    return format_html_join(
        " · ", "{}", [(one,) for one in (state, keep, setting.help) if one]
    )


def set_when(known: Credential | None) -> str:
    """Say when and by whom a secret was set; never the secret."""
    if known is None:
        return "not set"
    by = f" by {known.set_by}" if known.set_by else ""
    return f"set on {day(known.set_at)}{by}"


def credentials_of(connection: Connection) -> list[Credential]:
    return list(connection.credentials.select_related("set_by"))


def label_of(connection: Connection, name: str) -> str:
    """Call a secret as its box is called, also one of another way to log in."""
    methods = connector_class(connection.system).auth_methods
    offered = [setting for method in methods for setting in method.credentials]
    labels = {
        setting.name: setting.label
        for setting in [*offered, *wanted_credentials(connection)]
    }
    bare = name.removesuffix(PREVIOUS)
    label = labels.get(bare, bare.replace("_", " ").capitalize())
    return label if bare == name else f"{label}, the previous one"
