"""The draft as it is typed, tried on one record: cells of the grid, and the pane."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_POST

from integrations.admin.studio.common import (
    document_of,
    readable,
    step_for,
    version_to_see,
    wanted_sample,
    worded,
)
from integrations.studio import live
from integrations.studio.samples import Subject, chosen, verdict_of
from integrations.sync.metadata import age_of
from integrations.sync.preview import (
    Field,
    fields_of,
    latest_records,
    totals_of_document,
)
from mappings.engine import Document, DocumentError
from mappings.models import GoldenSample, MappingDocument, MappingVersion

MOST_SAMPLES = 50
TONES = {"same": "good", "changed": "warn", "failing": "bad", "kept out": "mute"}
TOTALS = {"holds": "good", "fails": "bad"}


@require_POST
def live_view(request: HttpRequest, version_id: int) -> HttpResponse:
    """Answer what each row gives for the chosen record, and the pane beside it."""
    version = version_to_see(request, version_id)
    try:
        typed = document_of(request, version)
    except DocumentError as fault:
        return JsonResponse({"error": str(fault), "cells": {}, "pane": ""})
    unfit, subject = "", None
    try:
        subject = chosen(version.document, wanted_sample(request))
    except ValueError as fault:
        unfit = str(fault)
    rules = live.rules_for(version.document)
    found = live.tried(typed, subject, rules)
    told = {
        "cells": {
            key: _cell(cell, request.user, subject) for key, cell in found.cells.items()
        },
        "age": age_of(rules.read_at),
        "missing": live.missing(found.document, rules),
        "sample": subject.key if subject else "",
        "error": unfit or found.error,
        "pane": _pane(request, version, found, subject),
    }
    return JsonResponse(told)


def _cell(cell: live.Cell, user: Any, subject: Subject | None) -> dict[str, Any]:
    """Return a cell as this person may read it."""

    places = (cell.source, cell.target, *cell.places)

    def shown(value: str) -> str:
        return readable(value, user, *places, sensitivity=cell.sensitivity)

    def said(text: str) -> str:
        return worded(text, user, *places, sensitivity=cell.sensitivity)

    steps = [
        step_for(step, user, *places, sensitivity=cell.sensitivity)
        for step in cell.steps
    ]
    return {
        "label": cell.label,
        "type": cell.type,
        "rule": cell.rule,
        "source": cell.source,
        "in": shown(cell.value) if cell.used else "",
        "out": shown(cell.out),
        "used": cell.used,
        "tried": subject is not None,
        "note": cell.note,
        "steps": steps,
        "problems": [said(text) for text in cell.problems],
    }


def _pane(
    request: HttpRequest,
    version: MappingVersion,
    found: live.Live,
    subject: Subject | None,
) -> str:
    words = request.POST.get("studio-words", "").strip()
    samples = _samples(version.document, found.document)
    context = {
        "version": version,
        "subject": subject,
        "words": words,
        "records": latest_records(version.document, words)[:8],
        "samples": samples,
        "error": found.error,
        "mapped": found.mapped,
        "may_keep": request.user.has_perm("mappings.add_goldensample"),
        **_neighbours(samples, subject),
        **_result(request, found),
    }
    return render_to_string("admin/integrations/studio/pane.html", context, request)


def _samples(
    document: MappingDocument, typed: Document
) -> list[tuple[GoldenSample, str, str]]:
    """Run every golden sample and say what became of it."""
    found = []
    for sample in document.samples.select_related("document")[:MOST_SAMPLES]:
        verdict = verdict_of(sample, typed)
        found.append((sample, verdict, TONES[verdict]))
    return found


def _neighbours(
    samples: list[tuple[GoldenSample, str, str]], subject: Subject | None
) -> dict[str, str]:
    keys = [f"sample-{sample.pk}" for sample, _, _ in samples]
    if not keys:
        return {}
    now = subject.key if subject else ""
    place = keys.index(now) if now in keys else -1
    before = keys[place - 1] if place > 0 else keys[-1]
    return {"before": before, "after": keys[(place + 1) % len(keys)]}


def _result(request: HttpRequest, found: live.Live) -> dict[str, Any]:
    if found.mapped is None:
        return {}
    fields = _fields(fields_of(found.mapped), found.cells.values(), request.user)
    totals = [
        (name, verdict, TOTALS.get(verdict.name.lower(), "mute"))
        for name, verdict in totals_of_document(found.document, found.mapped)
    ]
    return {"fields": fields, "totals": totals}


def _fields(
    fields: Iterable[Field], cells: Iterable[live.Cell], user: Any
) -> list[dict[str, Any]]:
    """Return the fields of a result, hidden where one of their rows says so."""
    secret: dict[str, str] = {}
    read: dict[str, list[str]] = {}
    for cell in cells:
        secret[cell.target] = secret.get(cell.target, "") or cell.sensitivity
        read.setdefault(cell.target, []).extend(cell.places)
    told = []
    for one in fields:
        row = live.without_places(one.target)
        places = (one.source, one.target, *read.get(row, ()))
        kept = secret.get(row, "")
        problems = [
            worded(problem.rule, user, *places, sensitivity=kept)
            for problem in one.problems
        ]
        value = readable(one.value, user, *places, sensitivity=kept)
        told.append({"target": one.target, "value": value, "problems": problems})
    return told
