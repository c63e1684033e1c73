"""The library of known fixes: where each applies, how often it worked, who may let go."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from errorqueue import recipes
from errorqueue.admin.columns import cause_url
from errorqueue.admin.filters import Tab, TabFilter
from errorqueue.admin.readonly import ReadOnlyAdmin
from errorqueue.masking import masked_values
from errorqueue.models import Recipe
from errorqueue.templatetags.console import due, moment, pill

ALLOW, CHANGE = "errorqueue.allow_recipe", "errorqueue.change_recipe"


LIVING = Q(retired_at=None) & (Q(expires_at=None) | Q(expires_at__gt=Now()))


class RecipeTabs(TabFilter):
    """Those that are offered first; what is past its date stays to be read."""

    title = "state"
    tabs = (
        Tab("offered", "Offered", LIVING),
        Tab("automatic", "Automatic", LIVING & Q(is_automatic=True), is_sum=True),
        Tab("past", "Retired or past", ~LIVING),
        Tab("all", "All", Q(), is_sum=True),
    )


@admin.register(Recipe)
class RecipeAdmin(ReadOnlyAdmin):
    list_display = [
        "name_shown",
        "state",
        "cause_shown",
        "scope",
        "use",
        "author",
        "expiry",
    ]
    list_filter = [RecipeTabs, "verb"]
    list_select_related = ["cause", "author", "allowed_by"]
    search_fields = ["name", "words", "cause__text"]
    search_help_text = "Words of the fix or of its cause"
    ordering = ["-worked", "-made_at"]
    sortable_by = ()
    fields = [
        *("state", "words", "what_it_does", "cause_shown", "scope", "use"),
        *("author", "made", "expiry", "allowed_by"),
    ]
    change_form_template = "admin/errorqueue/people/recipe.html"

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Return a recipe to be read: of its values, what this person may see."""
        recipe: Recipe | None = super().get_object(request, *args, **kwargs)
        if recipe is not None:
            recipe.steps = masked_values(recipe.steps, request.user)
        return recipe

    @admin.display(description="Known fix")
    def name_shown(self, recipe: Recipe) -> SafeString:
        return format_html(
            '<span class="sentence">{}</span> <span class="quiet-line">{}</span>',
            recipe.name,
            recipe.get_verb_display(),
        )

    @admin.display(description="State")
    def state(self, recipe: Recipe) -> SafeString:
        if recipe.retired_at:
            return pill("Retired", "mute")
        if recipe.expires_at and recipe.expires_at <= timezone.now():
            return pill("Past its date", "mute")
        if recipe.is_automatic:
            return pill("Applied by itself", "wait")
        return pill("Offered", "good")

    @admin.display(description="Cause")
    def cause_shown(self, recipe: Recipe) -> SafeString:
        cause = recipe.cause
        return format_html(
            '<a href="{}">{}</a> {}', cause_url(cause), cause.human_id, cause.sentence
        )

    @admin.display(description="Where")
    def scope(self, recipe: Recipe) -> str:
        return recipe.flow or "Any flow"

    @admin.display(description="Worked")
    def use(self, recipe: Recipe) -> str:
        return (
            f"{recipe.worked:,} of {recipe.uses:,}" if recipe.uses else "Not used yet"
        )

    @admin.display(description="Offered until")
    def expiry(self, recipe: Recipe) -> SafeString | str:
        if recipe.expires_at is None:
            return "Somebody retires it"
        is_past = recipe.expires_at <= timezone.now()
        return moment(recipe.expires_at) if is_past else due(recipe.expires_at)

    @admin.display(description="Kept")
    def made(self, recipe: Recipe) -> SafeString | str:
        return moment(recipe.made_at)

    @admin.display(description="What it does")
    def what_it_does(self, recipe: Recipe) -> SafeString | str:
        shown = recipe.get_verb_display()
        if not recipe.steps:
            return shown
        rows = ((place, value or "(empty)") for place, value in recipe.steps.items())
        steps = format_html_join("", "<br><code>{}</code> becomes “{}”", rows)
        return format_html("{}:{}", shown, steps)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path(
                f"<int:pk>/{name}/",
                view(require_POST(partial(self.do, verb, right))),
                name=f"errorqueue_recipe_{name}",
            )
            for name, (verb, right) in VERBS.items()
        ]
        return [*own, *super().get_urls()]

    def do(
        self,
        verb: Callable[[Recipe, Any], str],
        right: str,
        request: HttpRequest,
        pk: int,
    ) -> HttpResponse:
        """Do one verb to a recipe, for somebody with the right to it."""
        user: Any = request.user
        if not self.has_view_permission(request) or not user.has_perm(right):
            raise PermissionDenied
        recipe = get_object_or_404(Recipe, pk=pk)
        try:
            told = verb(recipe, user)
        except recipes.CannotKeep as reason:
            self.message_user(request, str(reason), messages.WARNING)
        else:
            self.log_change(request, recipe, told)
            self.message_user(request, told, messages.SUCCESS)
        return redirect("admin:errorqueue_recipe_change", pk)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        recipe, user = context["original"], request.user
        lives = recipes.living().filter(pk=recipe.pk).exists()
        can_be_let = recipe.verb != Recipe.Verb.ADVICE
        context |= {
            "may_allow": lives and can_be_let and user.has_perm(ALLOW),
            "may_retire": recipe.retired_at is None and user.has_perm(CHANGE),
        }
        return super().render_change_form(request, context, *args, **kwargs)


def _allow(recipe: Recipe, by: Any) -> str:
    recipes.allow(recipe, by, is_automatic=True)
    return f"“{recipe}” is applied by itself from now on."


def _forbid(recipe: Recipe, by: Any) -> str:
    recipes.allow(recipe, by, is_automatic=False)
    return f"“{recipe}” is offered, and applied only by people."


def _retire(recipe: Recipe, by: Any) -> str:
    recipes.retire(recipe)
    return f"“{recipe}” is offered no longer; what it did stays on record."


VERBS: dict[str, tuple[Callable[[Recipe, Any], str], str]] = {
    "allow": (_allow, ALLOW),
    "forbid": (_forbid, ALLOW),
    "retire": (_retire, CHANGE),
}
