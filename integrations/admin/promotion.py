"""The pages that carry a document from sandbox to production."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from errorqueue.admin.readonly import ReadOnlyAdmin
from errorqueue.templatetags.console import pill
from errorqueue.text import number_of
from integrations.admin.columns import moment
from integrations.admin.links import row_url
from integrations.models import Flow, Promotion
from integrations.studio import promotion as promoting
from integrations.studio.merging import Verdict
from mappings.models import MappingDocument, MappingVersion

PROMOTE_PAGE = "admin/integrations/promotion/promote.html"
MADE_PAGE = "admin/integrations/promotion/made.html"
PERMISSION = "mappings.promote_mappingversion"
TONES = {
    "found": "good",
    "waiting": "wait",
    "missing": "bad",
    "ambiguous": "bad",
    "inactive": "bad",
    "refused": "bad",
}


def promote_view(request: HttpRequest, version_id: int) -> HttpResponse:
    """Show what a promotion would do, row by row; make the draft when it is sent."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    versions = MappingVersion.objects.select_related("document")
    source = get_object_or_404(versions, pk=version_id)
    if request.method == "POST" and "new" in request.POST:
        return _new_document(request, source)
    documents = promoting.production_documents(source)
    document = _asked(request, documents)
    try:
        plan = promoting.plan(source, document) if document else None
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect(row_url(source))
    if request.method == "POST" and plan:
        done = _promote(request, plan)
        if done:
            return done
    return _page(request, source, documents, plan)


def _page(
    request: HttpRequest,
    source: MappingVersion,
    documents: list[MappingDocument],
    plan: promoting.Plan | None,
) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "opts": MappingVersion._meta,
        "title": f"Promote {source}",
        "source": source,
        "source_url": row_url(source),
        "documents": documents,
        "connections": promoting.targets_for(source.document),
        "plan": plan,
        "on_its_way": plan.document.open_line() if plan else None,
        "in_force": source.document.published(),
        "name": request.POST.get("name", f"{source.document.name} (production)"),
        "slug": request.POST.get("slug", f"{source.document.slug}-production"),
        **_groups(request, plan),
    }
    return TemplateResponse(request, PROMOTE_PAGE, context)


def _groups(request: HttpRequest, plan: promoting.Plan | None) -> dict[str, Any]:
    if plan is None:
        return {}
    chosen = [
        (one, request.POST.get(f"choice:{one.name}", "")) for one in plan.conflicts
    ]
    return {
        "conflicts": chosen,
        "taken": plan.of(Verdict.TAKEN),
        "kept": plan.of(Verdict.KEPT),
        "same": len(plan.of(Verdict.SAME, Verdict.ALIKE)),
        "asked_connection": request.POST.get("connection", ""),
    }


def _asked(
    request: HttpRequest, documents: list[MappingDocument]
) -> MappingDocument | None:
    asked = request.POST.get("document") or request.GET.get("document", "")
    known = {str(one.pk): one for one in documents}
    return known.get(asked) or (documents[0] if documents else None)


def _new_document(request: HttpRequest, source: MappingVersion) -> HttpResponse:
    name, slug = request.POST.get("name", ""), request.POST.get("slug", "")
    try:
        made = promoting.new_production(source.document, name, slug, request.user)
    except ValidationError as error:
        tell_faults(request, error)
        return _page(request, source, promoting.production_documents(source), None)
    messages.success(request, f"{made} is there, still empty. See what it will hold.")
    page = reverse("admin:integrations_promote", args=[source.pk])
    return redirect(f"{page}?document={made.pk}")


def tell_faults(request: HttpRequest, error: ValidationError) -> None:
    """Say every fault, with the name of its field."""
    if not hasattr(error, "error_dict"):
        for text in error.messages:
            messages.error(request, text)
        return
    for name, texts in error.message_dict.items():
        field = "" if name == "__all__" else f"{name.capitalize()}: "
        for text in texts:
            messages.error(request, f"{field}{text}")


def _promote(request: HttpRequest, plan: promoting.Plan) -> HttpResponse | None:
    """Make the draft; None shows the page again with what was chosen."""
    if request.POST.get("stamp") != plan.stamp:
        messages.error(request, promoting.MOVED)
        return None
    known = {str(one.pk): one for one in promoting.targets_for(plan.source.document)}
    connection = known.get(request.POST.get("connection", ""))
    if known and connection is None:
        messages.error(request, "Connection: choose where the look-ups are resolved.")
        return None
    choices = {
        one.name: request.POST.get(f"choice:{one.name}", "") for one in plan.conflicts
    }
    try:
        made = promoting.promote(plan, connection, choices, request.user)
    except ValidationError as error:
        tell_faults(request, error)
        return None
    messages.success(
        request,
        f"{made.made} is a draft. Nothing is live: it goes its way with signatures.",
    )
    return redirect(row_url(made))


@admin.register(Promotion)
class PromotionAdmin(ReadOnlyAdmin):
    list_display = [
        "at_shown",
        "source",
        "made_shown",
        "connection",
        "by",
        "state_shown",
    ]
    list_filter = ["document"]
    list_select_related = [
        "source__document",
        "document",
        "made__document",
        "connection",
        "by",
    ]
    ordering = ["-pk"]

    class Media:
        css = {"all": ["console/pages.css"]}

    @admin.display(description="When", ordering="pk")
    def at_shown(self, promotion: Promotion) -> str:
        return moment(promotion.at)

    @admin.display(description="Draft made")
    def made_shown(self, promotion: Promotion) -> SafeString | str:
        if promotion.made is None:
            return "deleted"
        return format_html(
            '<a href="{}">{}</a>', row_url(promotion.made), promotion.made
        )

    @admin.display(description="State")
    def state_shown(self, promotion: Promotion) -> SafeString:
        if promotion.reverted_at:
            return pill("Taken back", "mute")
        if promotion.made is None:
            return pill("Draft deleted", "mute")
        if promotion.missing:
            return pill(f"{len(promotion.missing)} look-ups open", "warn")
        return pill(promotion.made.get_state_display(), "good")

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show what was promoted, what production answers, and the way back."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        joined = Promotion.objects.select_related(
            "source__document", "document__origin", "made__document", "connection", "by"
        )
        promotion = get_object_or_404(joined, pk=number_of(object_id))
        rows = promoting.answers(promotion)
        promoting.keep_answers(promotion, rows)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": str(promotion),
            "promotion": promotion,
            "source_url": row_url(promotion.source),
            "made_url": row_url(promotion.made) if promotion.made else "",
            "open_rows": [(row, TONES[row.state]) for row in rows if not row.is_good],
            "good_rows": [row for row in rows if row.is_good],
            "is_asking": any(row.is_wanted for row in rows),
            "changes": changes_of(promotion),
            "flows": promoting.waiting_flows(promotion.document),
            "may_promote": request.user.has_perm(PERMISSION),
            "may_use": request.user.has_perm("integrations.change_flow"),
        }
        return TemplateResponse(request, MADE_PAGE, context)

    def get_urls(self) -> list[URLPattern]:
        def address(verb: str, view: Callable[..., HttpResponse]) -> URLPattern:
            wrapped = self.admin_site.admin_view(require_POST(view))
            name = f"integrations_promotion_{verb}"
            return path(f"<int:promotion_id>/{verb}/", wrapped, name=name)

        return [
            address("resolve", self.resolve_view),
            address("revert", self.revert_view),
            address("use", self.use_view),
            *super().get_urls(),
        ]

    def resolve_view(self, request: HttpRequest, promotion_id: int) -> HttpResponse:
        promotion = _allowed(request, promotion_id)
        if promotion.made is None or promotion.connection is None:
            text = "There is nothing to ask: the draft was deleted, or no account was chosen."
            messages.error(request, text)
            return redirect(row_url(promotion))
        try:
            promoting.resolve(promotion)
        except ValidationError as error:
            tell_faults(request, error)
        else:
            text = f"{promotion.connection} is asked again; look again in a moment."
            messages.success(request, text)
        return redirect(row_url(promotion))

    def revert_view(self, request: HttpRequest, promotion_id: int) -> HttpResponse:
        promotion = _allowed(request, promotion_id)
        try:
            messages.success(request, promoting.revert(promotion, request.user))
        except ValidationError as error:
            tell_faults(request, error)
        return redirect(row_url(promotion))

    def use_view(self, request: HttpRequest, promotion_id: int) -> HttpResponse:
        promotion = _allowed(request, promotion_id)
        if not request.user.has_perm("integrations.change_flow"):
            raise PermissionDenied
        flow = get_object_or_404(Flow, pk=number_of(request.POST.get("flow", "")))
        try:
            promoting.use_in_flow(flow, promotion.document, request.user)
        except ValidationError as error:
            tell_faults(request, error)
        else:
            messages.success(request, f"{flow} uses {promotion.document} from now on.")
        return redirect(row_url(promotion))


def _allowed(request: HttpRequest, promotion_id: int) -> Promotion:
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    joined = Promotion.objects.select_related("document__origin", "made", "connection")
    return get_object_or_404(joined, pk=promotion_id)


def changes_of(promotion: Promotion) -> list[Any]:
    """Return what the promotion changed in production, part by part."""
    before = promotion.before.get("content") or {}
    after = promotion.after.get("content") or {}
    merges = promoting.compare(before, after, before)
    return [one for one in merges if one.verdict != Verdict.SAME]
