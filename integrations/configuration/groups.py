"""Groups of people, and what their members may do."""

from typing import Any

from django.contrib.auth.models import Group, Permission

from integrations.configuration.changes import Changes, counted
from integrations.configuration.problems import Problems, suggest
from integrations.configuration.schema import Wanted
from integrations.configuration.values import Item

# Tasks of the queue hold code addresses and pickles: their pages are for nobody.
FORBIDDEN_APPS = ("django_q",)


def check_groups(wanted: Wanted, problems: Problems) -> None:
    offered = _permissions()
    for item in wanted.groups:
        for name in item.get("permissions", []):
            if name not in offered:
                place = _place(item, name)
                problems.add(
                    place, f"No permission “{name}” exists.", suggest(name, offered)
                )


def _place(item: Item, name: str) -> Any:
    nodes = item.node.entries["permissions"].items
    return next((node.place for node in nodes if node.value == name), item.node.place)


def apply_groups(wanted: Wanted, changes: Changes) -> None:
    offered = _permissions()
    for item in wanted.groups:
        group, is_new = Group.objects.get_or_create(name=item.get("name"))
        asked = set(item.get("permissions"))
        if is_new:
            group.permissions.set(offered[name] for name in asked)
            changes.add(
                f"group {group.name}",
                f"created with {counted(len(asked), 'permission')}",
            )
        else:
            _adjust(group, asked, offered, changes)


def _adjust(
    group: Group, asked: set[str], offered: dict[str, Permission], changes: Changes
) -> None:
    held = {_name(permission): permission for permission in _ordered(group.permissions)}
    for name in sorted(asked - held.keys()):
        group.permissions.add(offered[name])
        changes.add(f"group {group.name}", f"permission {name} added")
    for name in sorted(held.keys() - asked):
        group.permissions.remove(held[name])
        changes.add(f"group {group.name}", f"permission {name} removed")


def export_groups() -> list[dict[str, Any]]:
    return [
        {
            "name": group.name,
            "permissions": _allowed(group),
        }
        for group in Group.objects.order_by("name")
    ]


def _allowed(group: Group) -> list[str]:
    offered = _permissions()
    held = {_name(permission) for permission in _ordered(group.permissions)}
    return sorted(held & offered.keys())


def _permissions() -> dict[str, Permission]:
    every = _ordered(Permission.objects)
    return {
        _name(permission): permission
        for permission in every
        if permission.content_type.app_label not in FORBIDDEN_APPS
    }


def _ordered(permissions: Any) -> Any:
    return permissions.select_related("content_type").order_by(
        "content_type__app_label", "codename"
    )


def _name(permission: Permission) -> str:
    return f"{permission.content_type.app_label}.{permission.codename}"
