"""Every name once: within the files, and beside what stands in the database."""

from django.contrib.auth.models import Group
from django.db import models

from errorqueue.models import AlertRule, Channel, RoutingRule, Team
from integrations.configuration.problems import Place, Problems
from integrations.configuration.schema import IDENTITY, Wanted
from integrations.models import Connection, Entity, Flow
from mappings.models import MappingDocument, Scenario, ValueTable

MODELS: dict[str, type[models.Model]] = {
    "connections": Connection,
    "value_tables": ValueTable,
    "mapping_documents": MappingDocument,
    "flows": Flow,
    "groups": Group,
    "channels": Channel,
    "teams": Team,
    "alert_rules": AlertRule,
    "routing": RoutingRule,
    "scenarios": Scenario,
    "blueprint": Entity,
}


def known(section: str, wanted: Wanted) -> set[str]:
    """Return the identities that references may use: of the files and the database."""
    stored = MODELS[section]._default_manager.values_list(IDENTITY[section], flat=True)
    return wanted.slugs(section) | set(stored)


def names_of(section: str, wanted: Wanted) -> set[str]:
    """Return what people call these things, for rules that go by names."""
    stored = MODELS[section]._default_manager.values_list("name", flat=True)
    coming = {item.get("name") for item in getattr(wanted, section)}
    return (coming | set(stored)) - {None}


def check_identities(wanted: Wanted, problems: Problems) -> None:
    for section, identity in IDENTITY.items():
        _check_once(section, identity, wanted, problems)
        if identity != "name":
            _check_once(section, "name", wanted, problems)
            _check_names_taken(section, wanted, problems)


def _check_once(section: str, key: str, wanted: Wanted, problems: Problems) -> None:
    seen: dict[str, Place] = {}
    for item in getattr(wanted, section):
        value, place = item.get(key), item.at(key)
        if value in seen:
            first = seen[value]
            problems.add(
                place,
                f"This {key} stands at {first.file}:{first.line} already.",
                f"Choose another {key}, or keep one of the two.",
            )
        elif value:
            seen[value] = place


def _check_names_taken(section: str, wanted: Wanted, problems: Problems) -> None:
    stored = MODELS[section]._default_manager.values_list("name", "slug")
    slugs = dict(stored)
    for item in getattr(wanted, section):
        name, slug = item.get("name"), item.get("slug")
        if name and slug and slugs.get(name, slug) != slug:
            problems.add(
                item.at("name"),
                f"This name belongs to {slugs[name]} already.",
                "Choose another name.",
            )
