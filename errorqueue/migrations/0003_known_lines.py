"""Lines that were there before causes and search keys are given both."""

from collections.abc import Iterator
from typing import Any

from django.db import migrations

from errorqueue.failures import Failure, FailureKind, FieldProblem
from errorqueue.fingerprint import fingerprint

BATCH = 500
COLUMNS = (
    ("order", "reference"),
    ("email", "email"),
    ("customer", "party"),
    ("source", "source_id"),
)


def enter(apps: Any, editor: Any) -> None:
    lines = apps.get_model("errorqueue", "FailedRecord").objects.filter(fingerprint="")
    key_model = apps.get_model("errorqueue", "LineKey")
    for line in lines.order_by("pk").iterator(BATCH):
        keys = [key_model(line=line, name=n, value=v) for n, v in sorted(_keys(line))]
        key_model.objects.bulk_create(keys, ignore_conflicts=True)
        _give_cause(apps, line)


def _keys(line: Any) -> set[tuple[str, str]]:
    found = {(name, _folded(getattr(line, column))) for name, column in COLUMNS}
    found |= {("sku", _folded(sku)) for sku in line.skus.split()[:100]}
    found.add(("source", _folded(line.source_id.rsplit("/", 1)[-1])))
    found |= {("field", _folded(path)) for path in _paths(line)}
    return {(name, value) for name, value in found if value}


def _paths(line: Any) -> Iterator[str]:
    for problem in line.problems:
        for path in (problem.get("target", ""), problem.get("source", "")):
            yield path
            yield path.rsplit(".", 1)[-1]


def _folded(value: str) -> str:
    return value.strip().lstrip("#").casefold()[:200]


def _give_cause(apps: Any, line: Any) -> None:
    found = fingerprint(_failure(line))
    cause, _ = apps.get_model("errorqueue", "Cause").objects.get_or_create(
        fingerprint=found.key,
        defaults={
            "kind": found.kind,
            "field": found.field[:200],
            "text": line.what,
            "value": found.value[:200],
            "remedy": line.remedy,
            "first_seen_at": line.first_failed_at,
            "last_seen_at": line.last_failed_at,
        },
    )
    line.cause, line.fingerprint = cause, found.key
    line.save(update_fields=["cause", "fingerprint"])


def _failure(line: Any) -> Failure:
    problems = tuple(
        FieldProblem(
            target=one.get("target", ""),
            source=one.get("source", ""),
            value=one.get("value", ""),
            rule=one.get("rule", ""),
            allowed=tuple(one.get("allowed", ())),
        )
        for one in line.problems
    )
    return Failure(
        FailureKind(line.kind), line.what, line.why, line.remedy, problems, line.code
    )


def leave(apps: Any, editor: Any) -> None:
    """Going back drops both tables; there is nothing else to undo."""


class Migration(migrations.Migration):
    dependencies = [("errorqueue", "0002_the_queue")]

    operations = [migrations.RunPython(enter, leave)]
