"""Fixes that worked once: kept, offered the next time, applied where allowed."""

import json
import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from errorqueue import finance, services
from errorqueue.clock import database_time
from errorqueue.failures import Refused
from errorqueue.models import Action, FailedRecord, Recipe, Watermark
from errorqueue.services import AlreadyQueued, NotOpen
from errorqueue.text import clean
from errorqueue.workbench import workbench_of

log = logging.getLogger(__name__)

User = Any
Verb = Recipe.Verb
APPLIED = Recipe.APPLIED
Status = FailedRecord.Status
REFUSED = "recipe refused"
# How many lines one pass of the workers mends by themselves.
BATCH = 50
# A line is touched a moment before its transaction commits.
LATE = timedelta(seconds=20)


class CannotKeep(ValueError):
    """This cannot be kept as a recipe; the text says why."""


class DidNotFit(Exception):
    """A recipe does not fit this line; the text says what is still wrong."""


def living(now: datetime | None = None) -> QuerySet[Recipe]:
    """Return the recipes that are neither retired nor past their date."""
    now = now or database_time()
    in_time = Q(expires_at=None) | Q(expires_at__gt=now)
    return Recipe.objects.filter(in_time, retired_at=None)


def offer(line: FailedRecord) -> list[Recipe]:
    """Return the known fixes for a line, those that worked most often first."""
    if line.cause_id is None or not line.is_open:
        return []
    found = fitting(line).select_related("author")
    return list(found.order_by("-worked", "-made_at"))


def fitting(line: FailedRecord) -> QuerySet[Recipe]:
    """Return the recipes that were kept for the cause and the flow of a line."""
    in_flow = Q(flow="") | Q(flow=line.flow)
    return living().filter(in_flow, of_cause(line.cause_id))


def of_cause(cause: Any) -> Q:
    """Return the condition for recipes of a cause, or of one that counts as it."""
    return Q(cause=cause) | Q(cause__merged_into=cause)


def keep(
    line: FailedRecord,
    by: User,
    *,
    name: str,
    words: str,
    verb: str = Verb.MEND,
    expires_at: datetime | None = None,
    only_this_flow: bool = True,
) -> Recipe:
    """Keep what settled `line` for the next time.

    A "mend" keeps the values that a person set on the fix form. Raises CannotKeep
    without a cause, without words, or when no value was set.
    """
    if line.cause_id is None:
        raise CannotKeep("This record has no cause, so nothing would match it again.")
    if not words.strip():
        raise CannotKeep("Say in words what to do and why: a colleague reads it.")
    steps = steps_of(line) if verb == Verb.MEND else {}
    if verb == Verb.MEND and not steps:
        raise CannotKeep("No value was set here: keep it as advice instead.")
    return Recipe.objects.create(
        name=clean(name)[:120] or f"Fix of {line.human_id}",
        cause_id=line.cause_id,
        flow=line.flow if only_this_flow else "",
        verb=verb,
        steps=steps,
        words=clean(words),
        author=by,
        made_at=database_time(),
        expires_at=expires_at,
    )


def steps_of(line: FailedRecord) -> dict[str, str]:
    """Return the values (place to text) that the fix form set last on a line."""
    action = line.actions.filter(verb="mend", undone_at=None).first()
    steps: dict[str, str] = json.loads(action.after) if action else {}
    return steps


def apply(recipe: Recipe, line: FailedRecord, by: User = None) -> Action:
    """Do what a recipe says to one line.

    Raises DidNotFit, which leaves the line as it was, and NotOpen.
    """
    reason = f"Known fix “{recipe.name}”."
    if recipe.verb == Verb.MEND:  # asks the target, so no transaction may be open
        _mend(recipe, line, by, reason)
    with transaction.atomic():
        _do(recipe, line, by, reason)
        return used(recipe.pk, line, by, reason)


@transaction.atomic
def used(recipe: int, line: FailedRecord, by: User, reason: str) -> Action:
    """Count a use of a recipe and note it, so that it is credited when the line lands."""
    Recipe.objects.filter(pk=recipe).update(uses=F("uses") + 1)
    return services.note(line, APPLIED, by, reason, after=str(recipe))


def _do(recipe: Recipe, line: FailedRecord, by: User, reason: str) -> None:
    if recipe.verb == Verb.EXCLUDE:
        services.exclude(line, by, f"{reason} {recipe.words}")
    elif recipe.verb == Verb.RETRY:
        services.retry(line, by, reason)
    elif recipe.verb != Verb.MEND:
        raise DidNotFit("This known fix is advice: it has to be done by hand.")


def _mend(recipe: Recipe, line: FailedRecord, by: User, reason: str) -> None:
    finance.refuse_edit(line)
    bench = workbench_of(line)
    if bench is None:
        raise DidNotFit("This record cannot be mended here.")
    try:
        left = bench.mend(recipe.steps, by, reason)
    except Refused as error:
        raise DidNotFit(str(error)) from error
    if left:
        raise DidNotFit(f"Still wrong: {left[0].target} {left[0].rule}".strip())


def allow(recipe: Recipe, by: User, is_automatic: bool) -> None:
    """Let a recipe be applied by itself, or not any more. Raises CannotKeep."""
    if is_automatic and recipe.verb == Verb.ADVICE:
        raise CannotKeep("Advice cannot be applied by itself.")
    if is_automatic and not living().filter(pk=recipe.pk).exists():
        raise CannotKeep("This fix is retired or past its date: keep a new one.")
    Recipe.objects.filter(pk=recipe.pk).update(
        is_automatic=is_automatic, allowed_by=by if is_automatic else None
    )
    Watermark.objects.filter(name=_mark(recipe)).delete()


def retire(recipe: Recipe) -> None:
    """Offer a recipe no longer; what it did stays on record."""
    mine = Recipe.objects.filter(pk=recipe.pk, retired_at=None)
    mine.update(retired_at=database_time(), is_automatic=False, allowed_by=None)


def has_automatic() -> bool:
    """Say whether a line waits that a recipe may mend by itself."""
    return any(_candidates(recipe).exists() for recipe in _automatic())


def apply_automatic() -> None:
    """Apply allowed recipes; each is tried once on each line."""
    for recipe in _automatic():
        began = database_time()
        oldest = _candidates(recipe).order_by("first_failed_at", "pk")
        lines = list(oldest[:BATCH])
        for line in lines:
            _try(recipe, line)
        if len(lines) < BATCH:  # what is not touched from now on was tried
            mark = {"at": began}
            Watermark.objects.update_or_create(name=_mark(recipe), defaults=mark)


def _try(recipe: Recipe, line: FailedRecord) -> None:
    """Apply a recipe to a line, or note why not, so that it is not tried again."""
    try:
        apply(recipe, line)
    except AlreadyQueued:
        return
    except (DidNotFit, NotOpen) as reason:
        _refused(recipe, line, str(reason))
    except OperationalError:  # a deadlock, a lost server: this one is still to do
        raise
    except Exception as error:
        log.exception("Recipe %s broke on %s", recipe.pk, line.human_id)
        _refused(recipe, line, f"{type(error).__name__}: {error}")


def _refused(recipe: Recipe, line: FailedRecord, reason: str) -> None:
    note = f"Known fix “{recipe.name}” did not fit: {reason}"
    services.note(line, REFUSED, None, note, after=str(recipe.pk))


def _mark(recipe: Recipe) -> str:
    return f"recipe:{recipe.pk}"


def _automatic() -> QuerySet[Recipe]:
    allowed = living().filter(is_automatic=True)
    return allowed.select_related("cause").order_by("pk")


def _candidates(recipe: Recipe) -> QuerySet[FailedRecord]:
    """Lines that need a person and that this recipe was not tried on.

    Those touched since all were tried: a recipe that does not fit a hundred thousand
    lines must not be asked about each of them every few seconds.
    """
    tried = Action.objects.filter(
        failed=OuterRef("pk"), verb__in=(APPLIED, REFUSED), after=str(recipe.pk)
    )
    lines = FailedRecord.objects.filter(_reach(recipe), status=Status.FAILED)
    if recipe.flow:
        lines = lines.filter(flow=recipe.flow)
    mark = Watermark.objects.filter(name=_mark(recipe)).first()
    if mark:
        lines = lines.filter(touched_at__gte=mark.at - LATE)
    return lines.exclude(Exists(tried))


def _reach(recipe: Recipe) -> Q:
    """Return which lines a recipe is allowed for.

    A merge makes that no more: under the cause that stands for its own, they are told
    by their fingerprint.
    """
    cause = recipe.cause
    if cause.merged_into_id is None:
        return Q(cause=cause)
    return Q(cause=cause.merged_into_id, fingerprint=cause.fingerprint)
