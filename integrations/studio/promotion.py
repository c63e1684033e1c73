"""From sandbox to production: a document is carried over, row by row, never live.

The result is a draft of the production document, which goes live like any other:
signed. What stood before is kept, so a promotion can be taken back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import ProtectedError

from errorqueue.clock import database_time
from integrations.models import Connection, Flow, NamedLookup, Promotion
from integrations.studio import resolving, watching
from integrations.studio.merging import KINDS, Merge, Verdict, compare, merged
from integrations.studio.resolving import Need, published_or_newest
from mappings import services
from mappings.changes import Change, tell
from mappings.engine import DocumentError
from mappings.models import MappingDocument, MappingVersion, ValueTable
from mappings.moves import lock

User = Any
Environment = MappingDocument.Environment
NOT_CONTENT = ("id", "version", "position")
MOVED = "One side changed meanwhile. Look through the rows once more."


@dataclass(frozen=True)
class Plan:
    """A promotion before it is made: what would come of every part."""

    source: MappingVersion
    document: MappingDocument
    current: MappingVersion | None
    base: MappingVersion | None
    merges: list[Merge]

    @property
    def conflicts(self) -> list[Merge]:
        return self.of(Verdict.CONFLICT)

    def of(self, *verdicts: Verdict) -> list[Merge]:
        return [one for one in self.merges if one.verdict in verdicts]

    @property
    def stamp(self) -> str:
        """Names what was compared; it changes when either side does."""
        sides = (self.source, self.current, self.base)
        return "-".join(f"{one.pk}:{one.digest[:16]}" if one else "0" for one in sides)


def production_documents(source: MappingVersion) -> list[MappingDocument]:
    """Return the production documents that are filled from this one."""
    return list(source.document.promotions.filter(environment=Environment.PRODUCTION))


def targets_for(document: MappingDocument) -> list[Connection]:
    """Return the production accounts that a document can be resolved in."""
    production = Connection.Environment.PRODUCTION
    found = Connection.objects.filter(
        system=document.target_system, environment=production
    )
    return list(found)


@transaction.atomic
def new_production(
    source: MappingDocument, name: str, slug: str, by: User
) -> MappingDocument:
    """Make the production document of a sandbox document.

    Raises ValidationError for a name or slug that is taken or not allowed.
    """
    if source.environment != Environment.SANDBOX:
        raise ValidationError(f"{source} is a production document already.")
    made = MappingDocument(
        name=name.strip(),
        slug=slug.strip(),
        source_system=source.source_system,
        source_entity=source.source_entity,
        target_system=source.target_system,
        target_record=source.target_record,
        note=source.note,
        environment=Environment.PRODUCTION,
        origin=source,
    )
    made.full_clean()
    made.save()
    told = f"For production, from {source}"
    tell(Change("document", made.pk, "made", after=told), by)
    return made


def plan(source: MappingVersion, document: MappingDocument) -> Plan:
    """Compare a sandbox version with its production document and their base.

    Raises ValidationError for what cannot be promoted.
    """
    _refuse_unfit(source, document)
    current = published_or_newest(document)
    base = base_of(document, current)
    merges = compare(*(_content(one) for one in (base, source, current)))
    return Plan(source, document, current, base, merges)


def _refuse_unfit(source: MappingVersion, document: MappingDocument) -> None:
    if not source.is_frozen:
        raise ValidationError(f"{source} is a draft. Publish it in the sandbox first.")
    if document.environment != Environment.PRODUCTION:
        raise ValidationError(f"{document} is no production document.")
    if document.origin_id != source.document_id:
        raise ValidationError(f"{document} is not filled from {source.document}.")


def base_of(
    document: MappingDocument, current: MappingVersion | None
) -> MappingVersion | None:
    """Return the sandbox version promoted last into what stands in production.

    A promotion that was taken back does not count.
    """
    if current is None:
        return None
    reverted = Promotion.objects.filter(
        document=document, reverted_at__isnull=False, made__isnull=False
    )
    known = document.versions.filter(number__lte=current.number)
    carried = known.exclude(promoted_from=None).exclude(pk__in=reverted.values("made"))
    newest = carried.order_by("-number").select_related("promoted_from").first()
    return newest.promoted_from if newest else None


def _content(version: MappingVersion | None) -> dict[str, list[dict[str, Any]]]:
    return content_of(version) if version else {kind: [] for kind in KINDS}


def content_of(version: MappingVersion) -> dict[str, list[dict[str, Any]]]:
    """Return every part of a version as plain values; tables go by name."""
    rows = version.rows.select_related("table")
    found = {
        kind: list(getattr(version, kind).all()) for kind in KINDS if kind != "rows"
    }
    return {
        kind: [_plain(part) for part in (rows if kind == "rows" else found[kind])]
        for kind in KINDS
    }


def _plain(part: Any) -> dict[str, Any]:
    values = {}
    for field in part._meta.concrete_fields:
        if field.name not in NOT_CONTENT:
            value = getattr(part, field.name)
            values[field.name] = str(value) if field.is_relation and value else value
    return values


@transaction.atomic
def promote(
    plan_shown: Plan,
    connection: Connection | None,
    choices: Mapping[str, str],
    by: User,
) -> Promotion:
    """Make the draft that the plan and the choices give, and have it resolved.

    Raises ValidationError when a conflict has no choice, when the document has a
    draft already, or when the parts do not fit together; nothing is kept then.
    """
    document = plan_shown.document
    lock(document)
    _refuse_moved(plan_shown)
    _refuse_open(plan_shown, choices)
    before = snapshot(plan_shown.current)
    draft = services.new_draft(document, by)
    content = merged(plan_shown.merges, choices)
    _fill(draft, content, plan_shown.source, f"Promoted from {plan_shown.source}")
    made = Promotion.objects.create(
        source=plan_shown.source,
        document=document,
        made=draft,
        before=before,
        after=snapshot(draft),
        choices={one.title: choices[one.name] for one in plan_shown.conflicts},
        connection=connection,
        at=database_time(),
        by=by,
    )
    told = f"{plan_shown.source} to {draft}"
    tell(Change("mapping", draft.pk, "promoted", after=told), by)
    resolve(made)
    return made


def _refuse_moved(shown: Plan) -> None:
    """Raise ValidationError when either side moved since it was compared."""
    source = MappingVersion.objects.select_related("document").get(pk=shown.source.pk)
    if plan(source, shown.document).stamp != shown.stamp:
        raise ValidationError(MOVED)


def _refuse_open(shown: Plan, choices: Mapping[str, str]) -> None:
    open_ones = [
        one.title
        for one in shown.conflicts
        if choices.get(one.name) not in ("sandbox", "production")
    ]
    if open_ones:
        listed = "; ".join(open_ones[:5])
        raise ValidationError(f"Choose whose value stands for: {listed}.")
    if shown.current and not shown.of(Verdict.TAKEN, Verdict.CONFLICT, Verdict.ALIKE):
        raise ValidationError(
            f"{shown.source} has nothing that {shown.document} does not have."
        )


def snapshot(version: MappingVersion | None) -> dict[str, Any]:
    """Return a version's content with what it was, to be shown and brought back."""
    if version is None:
        return {"version": None, "name": "", "promoted_from": None, "content": {}}
    return {
        "version": version.pk,
        "name": str(version),
        "promoted_from": version.promoted_from_id,
        "content": content_of(version),
    }


def _fill(
    draft: MappingVersion,
    content: Mapping[str, Any],
    promoted_from: MappingVersion | None,
    note: str,
) -> None:
    draft.promoted_from, draft.note = promoted_from, note[:200]
    draft.save()
    tables = {table.name: table for table in ValueTable.objects.all()}
    for kind in KINDS:
        parts = getattr(draft, kind)
        parts.all().delete()
        made = [
            parts.model(version=draft, position=place, **_columns(part, tables))
            for place, part in enumerate(content.get(kind, ()), start=1)
        ]
        parts.bulk_create(made)


def _columns(
    part: Mapping[str, Any], tables: Mapping[str, ValueTable]
) -> dict[str, Any]:
    columns = dict(part)
    name = columns.get("table")
    if name:
        if name not in tables:
            raise ValidationError(f"There is no value table “{name}” any more.")
        columns["table"] = tables[name]
    return columns


# Look-ups in the target environment


def resolve(promotion: Promotion) -> None:
    """Have the production account asked for every name the draft looks up."""
    draft, connection = promotion.made, promotion.connection
    if draft is None or connection is None:
        return
    records = resolving.recent_records(promotion.document)
    try:
        needs = resolving.needs_of(draft.as_document(), records)
    except DocumentError as error:
        raise ValidationError(str(error)) from error
    resolving.enter(connection, needs, f"{promotion.document.slug} (promoted)")
    promotion.needs = [[need.record, need.by, need.value] for need in needs]
    promotion.checked_at = None
    promotion.save(update_fields=["needs", "checked_at"])
    mine = [row.pk for row in answers(promotion)]
    resolving.ask_again(NamedLookup.objects.filter(pk__in=mine))


def answers(promotion: Promotion) -> list[NamedLookup]:
    """Return what production answers to each look-up of the draft, worst first."""
    needs = [Need(*need) for need in promotion.needs]
    return resolving.answers_for(promotion.connection, needs)


def keep_answers(promotion: Promotion, rows: list[NamedLookup]) -> None:
    """Write down on the promotion what is missing, once everything was answered."""
    if promotion.checked_at or any(row.is_wanted for row in rows):
        return
    promotion.missing = [
        [row.record, row.by, row.value, row.state] for row in rows if not row.is_good
    ]
    promotion.checked_at = database_time()
    promotion.save(update_fields=["missing", "checked_at"])


def open_questions(version: MappingVersion) -> list[str]:
    """Say what a promoted version still lacks in production, in words; often nothing."""
    made = Promotion.objects.filter(made=version).select_related("connection").first()
    if made is None or made.connection is None:
        return []
    return [
        f"{row} in {made.connection}: {row.get_state_display().lower()}."
        for row in answers(made)
        if not row.is_good
    ]


# Back again


@transaction.atomic
def revert(promotion: Promotion, by: User) -> str:
    """Bring back what stood before a promotion; say in words what was done.

    A draft that never went further is withdrawn. Otherwise a new draft holds the
    content from before, and goes live signed, like any other. Raises ValidationError
    when it was taken back already or another draft stands in the way.
    """
    promotion = Promotion.objects.select_for_update().get(pk=promotion.pk)
    if promotion.reverted_at:
        raise ValidationError("This promotion was taken back already.")
    said = _withdraw(promotion) or _bring_back(promotion, by)
    mine = Promotion.objects.filter(pk=promotion.pk)
    mine.update(reverted_at=database_time(), reverted_by=by)
    document = promotion.document
    tell(Change("document", document.pk, "reverted", after=f"{promotion}: {said}"), by)
    return said


def _withdraw(promotion: Promotion) -> str:
    draft = promotion.made
    if draft is None:
        return "The draft was deleted before; production never changed."
    if draft.is_frozen:
        return ""
    name = str(draft)
    try:
        with transaction.atomic():
            draft.delete()
    except ProtectedError:
        raise ValidationError(
            f"{name} has scenario runs or signatures and stays as evidence. Finish it "
            "or send it back, then revert."
        ) from None
    return f"The draft {name} was withdrawn; production never changed."


def _bring_back(promotion: Promotion, by: User) -> str:
    before = promotion.before
    if not before.get("version"):
        raise ValidationError(
            f"{promotion.document} had no version before this promotion, so there is "
            "nothing to go back to. Take it out of its flows instead."
        )
    content = _without(promotion)
    draft = services.new_draft(promotion.document, by)
    origin = MappingVersion.objects.filter(pk=before["promoted_from"]).first()
    note = f"Brings back {before['name']}, from before {promotion.source}"
    _fill(draft, content, origin, note)
    return (
        f"{draft} is a draft with the content of {before['name']}{_since(content, before)}. "
        "It goes live when it is signed; until then the promoted version stays in use."
    )


def _without(promotion: Promotion) -> dict[str, list[dict[str, Any]]]:
    """Return what stands in production without what the promotion changed.

    What was changed there since stays. Raises ValidationError for a part of the
    promotion that was changed once more: nobody's later change is undone unseen.
    """
    before, after = promotion.before["content"], promotion.after["content"]
    merges = compare(after, before, _content(published_or_newest(promotion.document)))
    again = [one.title for one in merges if one.verdict == Verdict.CONFLICT]
    if again:
        raise ValidationError(
            f"Changed again since this promotion: {'; '.join(again[:5])}. Take the "
            "newer change back first, or mend these in a draft by hand."
        )
    return merged(merges, {})


def _since(content: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    is_same = content == before["content"]
    return "" if is_same else ", and what was changed in production since"


# Flows in pairs


def waiting_flows(document: MappingDocument) -> list[Flow]:
    """Return the production flows that still use the sandbox document."""
    production = Connection.Environment.PRODUCTION
    return list(
        Flow.objects.filter(
            mapping=document.origin_id or 0, target__environment=production
        ).select_related("target")
    )


@transaction.atomic
def use_in_flow(flow: Flow, document: MappingDocument, by: User) -> None:
    """Let a production flow use its production document.

    Raises ValidationError when that has no published version, or they do not fit.
    """
    if flow not in waiting_flows(document):
        raise ValidationError(f"{flow} is not a production flow of {document.origin}.")
    if document.published() is None:
        raise ValidationError(
            f"{document} has no published version. Have it signed and published first."
        )
    before = str(flow.mapping)
    flow.mapping = document
    flow.save(update_fields=["mapping"])
    watching.took_document(flow, by)
    named = (str(document), f"Flow {flow}", "mapping")
    tell(
        Change("document", document.pk, "used", named[1], named[2], before, named[0]),
        by,
    )
