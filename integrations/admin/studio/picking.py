"""What the pickers offer: paths, transforms, and the look-up behind a constant."""

from dataclasses import asdict

from django.http import HttpRequest, HttpResponse, JsonResponse

from integrations.admin.studio.common import readable, version_to_see, wanted_sample
from integrations.connectors.errors import ConnectorError
from integrations.models import privacy
from integrations.models.vault import SealBroken
from integrations.studio import live, paths
from integrations.studio.samples import chosen
from integrations.sync.metadata import age_of
from integrations.sync.outbound import connector_for
from integrations.sync.preview import flows_of
from mappings.engine import Document, DocumentError, catalogue
from mappings.models import MappingVersion

LONGEST_PATH = 200


def source_view(request: HttpRequest, version_id: int) -> HttpResponse:
    """Answer the tree of a real record."""
    version = version_to_see(request, version_id)
    try:
        subject = chosen(version.document, wanted_sample(request))
    except ValueError as error:
        return JsonResponse({"nodes": [], "text": str(error)})
    if subject is None:
        text = "No record came in yet and there is no golden sample: type the path."
        return JsonResponse({"nodes": [], "text": text})
    nodes = paths.source_tree(subject, request.GET.get("list", "")[:LONGEST_PATH])
    secret = privacy.kept_secret(_document(version))
    for node in paths.flat(nodes):
        kept = "secret" if privacy.bare(node.path) in secret else ""
        node.example = readable(node.example, request.user, node.path, sensitivity=kept)
    told = [asdict(node) for node in nodes]
    return JsonResponse({"nodes": told, "text": f"As in {subject.name}."})


def _document(version: MappingVersion) -> Document:
    try:
        return live.stored(version)
    except DocumentError:
        return Document("", ())


def target_view(request: HttpRequest, version_id: int) -> HttpResponse:
    """Answer the tree of the target's own fields."""
    version = version_to_see(request, version_id)
    rules = live.rules_for(version.document)
    inside = request.GET.get("list", "")[:LONGEST_PATH]
    nodes = [asdict(node) for node in paths.target_tree(rules, inside)]
    text = f"As the target says, {age_of(rules.read_at)}."
    if not nodes:
        text = "The target has not told its fields yet: type the path."
    return JsonResponse({"nodes": nodes, "text": text})


def transforms_view(request: HttpRequest, version_id: int) -> HttpResponse:
    """Answer the catalogue of transforms, in words, with their parameters."""
    version_to_see(request, version_id)
    return JsonResponse({"transforms": catalogue()})


def constant_view(request: HttpRequest, version_id: int) -> HttpResponse:
    """Answer which look-up gives an internal id that somebody typed as a constant."""
    version = version_to_see(request, version_id)
    path = request.GET.get("target", "")[:LONGEST_PATH]
    value = request.GET.get("value", "").strip("' ")[:40]
    flow = flows_of(version.document).order_by("pk").first()
    if flow is None or not value:
        return JsonResponse({"found": False, "text": ""})
    try:
        named = connector_for(flow.target).named(path, value)
    except (ConnectorError, SealBroken) as error:
        text = f"{flow.target} could not be asked what {value} is: {error}"
        return JsonResponse({"found": False, "text": text})
    if named is None:
        text = f"{flow.target} knows no {value} for this field. Use a look-up by name."
        return JsonResponse({"found": False, "text": text})
    text = (
        f"This is “{named.value}” in {flow.target}. Its id differs in every account: "
        f"use the look-up {named.record} by {named.by} ‘{named.value}’."
    )
    return JsonResponse({"found": True, "text": text, **asdict(named)})
