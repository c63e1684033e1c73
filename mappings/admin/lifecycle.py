"""The pages between draft and live: send, sign, go live, roll back, compare."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.http import require_POST

from mappings import scheduling, services, signing
from mappings.admin.life import TONES, base_of, life_of, readable_between
from mappings.admin.shared import State, person, to_document, to_version
from mappings.models import MappingDocument, MappingVersion, ScenarioRun, Signature
from mappings.requirements import stamp_of

PUBLISH = "mappings.publish_mappingversion"
CHANGE = "mappings.change_mappingversion"
FOLDER = "admin/mappings"


def urls(site: Any) -> list[URLPattern]:
    """Return the addresses of all these pages, below those of the documents."""

    def page(route: str, view: Callable[..., HttpResponse], name: str) -> URLPattern:
        return path(route, site.admin_view(view), name=f"mappings_{name}")

    return [
        page("sign-offs/", signoffs_view, "signoffs"),
        page("version/<int:pk>/send/", require_POST(send_view), "send"),
        page("version/<int:pk>/take-back/", require_POST(take_back_view), "take_back"),
        page("version/<int:pk>/call-off/", require_POST(call_off_view), "call_off"),
        page("version/<int:pk>/sign/", sign_view, "sign"),
        page("version/<int:pk>/go-live/", go_live_view, "go_live"),
        page("<int:pk>/roll-back/", roll_back_view, "roll_back"),
        page("<int:pk>/compare/", compare_view, "compare"),
    ]


class SignForm(forms.Form):
    """An answer to the question whether a version may go live."""

    role = forms.ChoiceField(choices=Signature.Role.choices, label="I sign for")
    note = forms.CharField(
        required=False,
        max_length=500,
        label="Note",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What you looked at. A refusal needs a reason: the writer reads it.",
    )


class GoLiveForm(forms.Form):
    """When a version goes live, and how its first records are watched."""

    at = forms.DateTimeField(
        required=False,
        label="Goes live",
        widget=forms.DateTimeInput(
            attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"
        ),
    )
    size = forms.IntegerField(
        min_value=0,
        max_value=1000,
        label="Watch the first … records",
        help_text="0 for no watch.",
    )
    limit = forms.IntegerField(
        min_value=0,
        max_value=100,
        label="Hold the flow when more than … % fail",
        help_text="Failures of data and mapping count; a vendor that is away does not.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zone = timezone.get_current_timezone_name()
        self.fields["at"].help_text = f"Leave empty for now. Times are in {zone}."


def send_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a draft for signatures."""
    _refuse_without(request, CHANGE)
    version = _version(pk)
    if _done(request, lambda: signing.send(version, person(request))):
        messages.success(request, f"{version} was sent. It is frozen until signed.")
    return to_version(version)


def take_back_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a draft again of what was sent."""
    _refuse_without(request, CHANGE, PUBLISH)
    version = _version(pk)
    if _done(request, lambda: signing.take_back(version, person(request))):
        messages.success(request, f"{version} is a draft again.")
    return to_version(version)


def call_off_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a scheduled version out of the calendar."""
    _refuse_without(request, PUBLISH)
    version = _version(pk)
    if _done(request, lambda: scheduling.call_off(version, person(request))):
        messages.success(request, f"{version} does not go live by itself any more.")
    return to_version(version)


def sign_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what is to be signed with its evidence, and take the answer."""
    _refuse_without(request, *signing.RIGHTS.values())
    version = _version(pk)
    if version.state != State.REVIEW:
        messages.warning(request, f"{version} does not wait for signatures now.")
        return to_version(version)
    form = SignForm(request.POST or None, initial={"role": _role_for(version, request)})
    is_told = request.method == "POST" and form.is_valid()
    if is_told and _done(request, lambda: _answer(request, version, form.cleaned_data)):
        return to_version(version)
    return _sign_page(request, version, form)


def _answer(
    request: HttpRequest, version: MappingVersion, told: dict[str, str]
) -> None:
    by: Any = request.user
    seen = request.POST.get("stamp", "")
    if "refuse" in request.POST:
        signing.refuse(version, told["role"], by, told["note"], seen=seen)
        messages.success(request, f"{version} went back to its writer.")
    else:
        signing.sign(version, told["role"], by, told["note"], seen=seen)
        messages.success(request, f"You have signed {version}.")


def _sign_page(
    request: HttpRequest, version: MappingVersion, form: SignForm
) -> HttpResponse:
    found = life_of(version, request.user)
    standing = found.standing
    open_roles = standing.missing if standing else []
    answers = [
        (role, signing.may_sign(version, role, request.user)) for role in open_roles
    ]
    runs = ScenarioRun.objects.filter(digest=version.digest)
    context = {
        "title": f"Sign {version}",
        "version": version,
        "stamp": stamp_of(version),
        "life": found,
        "form": form,
        "answers": answers,
        "may_answer": any(not why_not for _, why_not in answers),
        "runs": runs.select_related("scenario", "by").order_by("scenario__name", "-pk"),
        "tones": TONES,
    }
    return _page(request, "mappingversion/sign.html", context)


def _role_for(version: MappingVersion, request: HttpRequest) -> str:
    """Return the role that this person would sign in."""
    missing = signing.standing(version).missing
    free = [one for one in missing if not signing.may_sign(version, one, request.user)]
    return next(iter(free), Signature.Role.BUSINESS)


def go_live_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask when a version goes live and how it is watched, and do so."""
    _refuse_without(request, PUBLISH)
    version = _version(pk)
    start = {
        "at": version.activate_at,
        "size": version.watch_size,
        "limit": version.watch_limit,
    }
    form = GoLiveForm(request.POST or None, initial=start)
    is_told = request.method == "POST" and form.is_valid()
    told = form.cleaned_data if is_told else {}
    if is_told and _done(request, lambda: _take_live(request, version, told)):
        return to_version(version)
    context = {
        "title": f"Let {version} go live",
        "version": version,
        "life": life_of(version, request.user),
        "form": form,
    }
    return _page(request, "mappingversion/go_live.html", context)


@transaction.atomic
def _take_live(request: HttpRequest, version: MappingVersion, told: Any) -> None:
    by = person(request)
    services.set_watch(version, told["size"], told["limit"], by)
    if told["at"]:
        scheduling.schedule(version, told["at"], by)
        messages.success(request, f"{version} goes live by itself at the set time.")
    else:
        services.publish(version, by)
        words = "New attempts use it from now on."
        messages.success(request, f"{version} is published. {words}")


def roll_back_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask once, then bring back what was live before."""
    _refuse_without(request, PUBLISH)
    document = get_object_or_404(MappingDocument, pk=pk)
    live = document.published()
    earlier = services.earlier_version(live) if live else None
    if live is None or earlier is None:
        messages.warning(request, f"{document} has no earlier version to go back to.")
        return to_document(document)
    if request.method == "POST":
        number = request.POST.get("live", "")
        reason = request.POST.get("reason", "").strip()
        expected = int(number) if number.isdecimal() else 0
        roll = lambda: services.roll_back(  # noqa: E731 (done once, or its fault shown)
            document, person(request), reason, live=expected
        )
        if _done(request, roll):
            messages.success(request, f"Version {earlier.number} is back in force.")
            return to_document(document)
    found, problem = readable_between(live, earlier)
    context = {
        "title": f"Roll {document} back",
        "document": document,
        "live": live,
        "earlier": earlier,
        "differences": found,
        "problem": problem,
        "tones": TONES,
    }
    return _page(request, "mappingdocument/roll_back.html", context)


def compare_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Say in words what is different between two versions of a document."""
    _refuse_without(request, "mappings.view_mappingversion")
    document = get_object_or_404(MappingDocument, pk=pk)
    versions = {one.number: one for one in document.versions.order_by("-number")}
    after = versions.get(_number(request, "to")) or next(iter(versions.values()), None)
    before = versions.get(_number(request, "from"))
    if before is None and after is not None:
        before = base_of(after) or next(
            (one for one in versions.values() if one.number < after.number), None
        )
    found, problem = readable_between(before, after) if before and after else ([], "")
    context = {
        "title": f"Differences in {document}",
        "document": document,
        "versions": list(versions.values()),
        "before": before,
        "after": after,
        "differences": found,
        "problem": problem,
        "tones": TONES,
    }
    return _page(request, "mappingdocument/compare.html", context)


def signoffs_view(request: HttpRequest) -> HttpResponse:
    """List what waits for signatures: first what this person can sign."""
    _refuse_without(request, "mappings.view_mappingversion")
    mine = signing.waiting_for(request.user)
    prefetch_related_objects(mine, "signatures__by")
    ready = signing.ready()
    prefetch_related_objects(ready, "signatures__by")
    known = {one.pk for one in [*mine, *ready]}
    review = MappingVersion.objects.filter(state=State.REVIEW).order_by("sent_at", "pk")
    others = review.exclude(pk__in=known).select_related("document", "sent_by")
    context = {
        "title": "Sign-offs waiting",
        "mine": mine,
        "ready": ready,
        "others": others.prefetch_related("signatures__by"),
    }
    return _page(request, "mappingdocument/signoffs.html", context)


def _page(
    request: HttpRequest, template: str, context: dict[str, Any]
) -> TemplateResponse:
    whole = {
        **admin.site.each_context(request),
        "opts": MappingDocument._meta,
        **context,
    }
    return TemplateResponse(request, f"{FOLDER}/{template}", whole)


def _version(pk: int) -> MappingVersion:
    versions = MappingVersion.objects.select_related("document", "promoted_from")
    return get_object_or_404(versions, pk=pk)


def _number(request: HttpRequest, name: str) -> int:
    text = request.GET.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _refuse_without(request: HttpRequest, *rights: str) -> None:
    """Let nobody pass who holds none of these rights."""
    if not any(request.user.has_perm(right) for right in rights):
        raise PermissionDenied


def _done(request: HttpRequest, step: Callable[[], object]) -> bool:
    """Take a step, or say in words why it was not taken."""
    try:
        step()
    except ValidationError as error:
        for text in error.messages:
            messages.error(request, text)
        return False
    return True
