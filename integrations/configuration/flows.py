"""Flows and what they need first."""

from collections.abc import Mapping
from typing import Any

from integrations.configuration.changes import Changes, put, show
from integrations.configuration.identity import known
from integrations.configuration.problems import Problems, suggest
from integrations.configuration.schema import FLOW, Wanted
from integrations.configuration.values import Item
from integrations.models import Connection, Flow, SyncRecord
from integrations.studio import watching
from integrations.sync.flows import unsigned_words
from mappings.models import MappingDocument

COLUMNS = tuple(name for name in FLOW if name != "needs")
# Each record of the ledger was remembered and is sent under these.
_FIXED = ("source", "source_entity", "target", "target_record")


def check_flow_references(wanted: Wanted, problems: Problems) -> None:
    connections = known("connections", wanted)
    documents = known("mapping_documents", wanted)
    flows = known("flows", wanted)
    for item in wanted.flows:
        for key in ("source", "target"):
            _check_known(item, key, "connection", connections, problems)
        _check_known(item, "mapping", "mapping document", documents, problems)
        for need in item.parts("needs"):
            _check_known(need, "flow", "flow", flows, problems)


def _check_known(
    item: Item, key: str, thing: str, names: set[str], problems: Problems
) -> None:
    slug = item.get(key)
    if slug and slug not in names:
        text = f"There is no {thing} “{slug}” in the files or in the console."
        problems.add(item.at(key), text, suggest(slug, names) or f"Add the {thing}.")


def check_flows(wanted: Wanted, problems: Problems) -> None:
    for item in wanted.flows:
        _check_mapping_fits(item, wanted, problems)
        _check_environment(item, wanted, problems)
        _check_signed(item, problems)
        _check_needs_once(item, problems)
        _check_fixed(item, problems)


def _check_mapping_fits(item: Item, wanted: Wanted, problems: Problems) -> None:
    document = _document(item.get("mapping"), wanted)
    if document is None:
        return
    flow = {
        "source_system": _system(item.get("source"), wanted),
        "source_entity": item.get("source_entity"),
        "target_system": _system(item.get("target"), wanted),
        "target_record": item.get("target_record"),
    }
    for key, value in flow.items():
        if value and document.get(key) and value != document[key]:
            text = f"Its {_spoken(key)} is {document[key]}, not {value}."
            remedy = "Name a mapping document of this flow's kind."
            problems.add(item.at("mapping"), text, remedy)


def _check_environment(item: Item, wanted: Wanted, problems: Problems) -> None:
    """A flow into a production account goes by a production document, and no other."""
    account = _environment(item.get("target"), wanted.connections, Connection)
    document = _environment(
        item.get("mapping"), wanted.mapping_documents, MappingDocument
    )
    if account and document and account != document:
        problems.add(
            item.at("mapping"),
            f"{item.get('mapping')} is a {document} mapping document and "
            f"{item.get('target')} is a {account} account.",
            f"Name a document with environment: {account}. Only what is signed reaches "
            "production, and tests stay in sandbox.",
        )


def _check_signed(item: Item, problems: Problems) -> None:
    """A flow into production goes over only to what somebody signed."""
    flows = Flow.objects.select_related("mapping", "target")
    stored = flows.filter(slug=item.get("slug", "")).first()
    if stored is None or not item.get("mapping"):
        return
    asked = MappingDocument.objects.filter(slug=item.get("mapping")).first()
    unsigned = unsigned_words(stored.mapping, stored.target, asked)
    if unsigned:
        remedy = "Leave the flow as it is until then."
        problems.add(item.at("mapping"), unsigned, remedy)


def _environment(
    slug: str | None,
    items: list[Item],
    model: type[Connection] | type[MappingDocument],
) -> str:
    """Return the environment that a connection or document will have; empty if unknown."""
    stored = model._default_manager.filter(slug=slug)
    known = stored.values_list("environment", flat=True).first()
    for item in items:
        if slug and item.get("slug") == slug:
            return str(item.get("environment") or known or "sandbox")
    return str(known or "")


def _spoken(key: str) -> str:
    return key.replace("_", " ")


def _document(slug: str | None, wanted: Wanted) -> Mapping[str, Any] | None:
    for item in wanted.mapping_documents:
        if item.get("slug") == slug:
            return item.values
    return MappingDocument.objects.filter(slug=slug).values().first()


def _system(slug: str | None, wanted: Wanted) -> str:
    asked = {item.get("slug"): item.get("system", "") for item in wanted.connections}
    stored = Connection.objects.filter(slug=slug).values_list("system", flat=True)
    return str(asked[slug] if slug in asked else stored.first() or "")


def _check_needs_once(item: Item, problems: Problems) -> None:
    seen: set[str] = set()
    for need in item.parts("needs"):
        slug = need.get("flow")
        if slug in seen:
            problems.add(
                need.at("flow"), f"{slug} is needed already.", "Keep one of them."
            )
        seen.add(slug)


def _check_fixed(item: Item, problems: Problems) -> None:
    stored = Flow.objects.filter(slug=item.get("slug", "")).first()
    if stored is None or not SyncRecord.objects.filter(flow=stored).exists():
        return
    for key in _FIXED:
        now = show(getattr(stored, key))
        if key in item.values and item.values[key] != now:
            problems.add(
                item.at(key),
                f"The flow has records with the {_spoken(key)} {now}: it stays.",
                "Write it as it was, or make a new flow with another slug.",
            )


def apply_flows(wanted: Wanted, changes: Changes) -> None:
    """Make all flows first, then what they need of each other."""
    for item in wanted.flows:
        flow = Flow.objects.filter(slug=item.get("slug")).first() or Flow()
        before = flow.mapping_id
        put(flow, _subject(item), _columns(item), item, changes)
        if before and flow.mapping_id != before:
            watching.took_document(flow, None)
    for item in wanted.flows:
        if "needs" in item.values:
            _apply_needs(item, changes)


def _subject(item: Item) -> str:
    return f"flow {item.get('slug')}"


def _columns(item: Item) -> dict[str, Any]:
    columns = item.only(COLUMNS)
    return columns | {
        "source": Connection.objects.get(slug=columns["source"]),
        "target": Connection.objects.get(slug=columns["target"]),
        "mapping": MappingDocument.objects.get(slug=columns["mapping"]),
    }


def _apply_needs(item: Item, changes: Changes) -> None:
    flow = Flow.objects.get(slug=item.get("slug"))
    asked = {need.get("flow"): need.get("at") for need in item.parts("needs")}
    stored = {need.needs.slug: need for need in _needs(flow)}
    for slug, path in asked.items():
        if slug not in stored or stored[slug].source_path != path:
            needed = Flow.objects.get(slug=slug)
            flow.dependencies.update_or_create(
                needs=needed, defaults={"source_path": path}
            )
            changes.add(_subject(item), f"needs {slug} at {path}")
    for slug in sorted(stored.keys() - asked.keys()):
        stored[slug].delete()
        changes.add(_subject(item), f"needs {slug} no more")


def _needs(flow: Flow) -> Any:
    return flow.dependencies.select_related("needs").order_by("needs__slug")


def export_flows() -> list[dict[str, Any]]:
    flows = Flow.objects.select_related("source", "target", "mapping").order_by("slug")
    return [_exported(flow) for flow in flows]


def _exported(flow: Flow) -> dict[str, Any]:
    columns = {name: getattr(flow, name) for name in COLUMNS}
    slugs = {name: show(columns[name]) for name in ("source", "target", "mapping")}
    needs = [{"flow": need.needs.slug, "at": need.source_path} for need in _needs(flow)]
    return columns | slugs | {"needs": needs}
