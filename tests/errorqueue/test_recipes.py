"""Known fixes: kept from a resolution, offered again, applied where allowed."""

import json
from datetime import timedelta

import pytest
from django.db import IntegrityError

from errorqueue import causes, chores, recipes, services, workbench
from errorqueue.bulk import stepping
from errorqueue.bulk.running import start
from errorqueue.clock import database_time
from errorqueue.failures import FailureKind, FieldProblem
from errorqueue.models import FailedRecord, Recipe
from integrations.models import SyncRecord

Status = FailedRecord.Status
VALUES = {"shipping.zip": "SW1A 1AA"}


class Bench:
    """Mends what it is told to; refuses places that the record does not have."""

    def __init__(self, record):
        self.record = record

    def mend(self, values, by, reason):
        if "shipping.zip" not in values:
            return [FieldProblem(target="shipMethod", rule="is not known")]
        line = FailedRecord.objects.about(self.record).open().get()
        services.retry(line, by, reason)
        return []


@pytest.fixture(autouse=True)
def bench(monkeypatch):
    monkeypatch.setitem(workbench._makers, "integrations.syncrecord", Bench)


@pytest.fixture
def kept(make_line, olga):
    line = make_line()
    services.note_mend(line, olga, "too long", VALUES)
    return recipes.keep(line, olga, name="Short code", words="Only the code itself.")


def test_a_resolution_is_kept_with_its_values_scope_and_author(kept, olga):
    line = FailedRecord.objects.get()
    assert (kept.steps, kept.flow, kept.author) == (VALUES, line.flow, olga)
    assert kept.cause == line.cause


def test_what_cannot_be_repeated_is_not_kept(make_line, olga):
    line = make_line()
    with pytest.raises(recipes.CannotKeep, match="keep it as advice"):
        recipes.keep(line, olga, name="x", words="Shorten it.")
    with pytest.raises(recipes.CannotKeep, match="Say in words"):
        recipes.keep(line, olga, name="x", words=" ", verb="advice")
    recipes.keep(line, olga, name="x", words="Ring the customer.", verb="advice")


def test_it_is_offered_for_the_same_cause_and_flow_until_it_expires(kept, make_line):
    line = make_line()
    assert recipes.offer(line) == [kept]
    FailedRecord.objects.filter(pk=line.pk).update(flow="Another flow")
    line.refresh_from_db()
    assert recipes.offer(line) == []
    Recipe.objects.update(flow="")
    assert recipes.offer(line) == [kept]
    Recipe.objects.update(expires_at=database_time() - timedelta(seconds=1))
    assert recipes.offer(line) == []
    Recipe.objects.update(expires_at=None)
    recipes.retire(kept)
    assert recipes.offer(line) == []


def test_applying_it_mends_retries_and_notes_both(kept, make_line, olga):
    line = make_line()
    recipes.apply(kept, line, olga)
    line.refresh_from_db()
    assert line.status == Status.RETRYING
    assert [one.verb for one in line.actions.order_by("pk")] == ["retry", "recipe"]
    kept.refresh_from_db()
    assert kept.uses == 1


def test_what_does_not_fit_leaves_the_line_as_it_was(kept, make_line, olga):
    Recipe.objects.update(steps={"elsewhere": "x"})
    kept.refresh_from_db()
    line = make_line()
    with pytest.raises(recipes.DidNotFit, match="shipMethod is not known"):
        recipes.apply(kept, line, olga)
    line.refresh_from_db()
    assert (line.status, line.actions.count()) == (Status.FAILED, 0)


def test_nothing_is_applied_by_itself_until_somebody_allows_it(kept, make_line, olga):
    line = make_line()
    chores.run()
    line.refresh_from_db()
    assert line.status == Status.FAILED
    recipes.allow(kept, olga, True)
    chores.run()
    line.refresh_from_db()
    assert line.status == Status.RETRYING
    assert line.actions.get(verb="recipe").by is None


def test_a_recipe_that_fails_is_tried_once_and_never_in_a_circle(kept, make_line, olga):
    Recipe.objects.update(steps={"elsewhere": "x"})
    line = make_line()
    kept.refresh_from_db()
    recipes.allow(kept, olga, True)
    for _ in range(3):
        chores.run()
    told = [one.reason for one in line.actions.all()]
    assert told == [
        "Known fix “Short code” did not fit: Still wrong: shipMethod is not known"
    ]


def test_the_database_keeps_an_automatic_recipe_from_being_nobodys(kept):
    with pytest.raises(IntegrityError):
        Recipe.objects.update(is_automatic=True)


def test_advice_is_never_applied_by_itself(make_line, olga):
    told = recipes.keep(make_line(), olga, name="x", words="Ring.", verb="advice")
    with pytest.raises(recipes.CannotKeep):
        recipes.allow(told, olga, True)
    with pytest.raises(recipes.DidNotFit, match="by hand"):
        recipes.apply(told, make_line(), olga)


def test_a_delivery_after_a_recipe_counts_for_it(kept, make_line, olga):
    line = make_line()
    recipes.apply(kept, line, olga)
    SyncRecord.objects.filter(pk=line.object_id).update(state="delivered")
    services.resolve(line.subject, "Delivered.")
    kept.refresh_from_db()
    assert kept.worked == 1
    assert json.loads(line.actions.get(verb="recipe").after) == kept.pk


def test_a_run_keeps_a_known_fix_to_its_flow_and_cause(kept, make_line, olga):
    mine, foreign = make_line(), make_line()
    other = make_line(kind=FailureKind.CONFLICT)
    FailedRecord.objects.filter(pk=foreign.pk).update(flow="Another flow")
    chosen = [mine.pk, foreign.pk, other.pk]
    options = {"values": kept.steps, "recipe": kept.pk}
    run = start("mend", olga, chosen=chosen, options=options)
    stepping.step_all()
    assert [item.state for item in run.items.all()].count("queued") == 1
    assert run.items.get(line=mine).state == "queued"
    told = set(run.items.exclude(line=mine).values_list("state", "note"))
    assert told == {
        ("skipped", "This known fix is for another cause or flow, or was retired.")
    }


def test_a_merged_cause_keeps_its_known_fixes(kept, make_line, olga):
    other = make_line(kind=FailureKind.CONFLICT)
    mine = make_line()
    causes.merge(kept.cause, other.cause, olga)
    causes.place_all()
    for line in (mine, other):
        line.refresh_from_db()
        assert recipes.offer(line) == [kept]
    assert list(recipes.living().filter(recipes.of_cause(other.cause))) == [kept]


def test_a_merge_makes_no_automatic_fix_reach_further(kept, make_line, olga):
    other = make_line(kind=FailureKind.CONFLICT)
    mine = make_line()
    recipes.allow(kept, olga, True)
    causes.merge(kept.cause, other.cause, olga)
    causes.place_all()
    chores.run()
    for line in (mine, other):
        line.refresh_from_db()
    assert (mine.status, other.status) == (Status.RETRYING, Status.FAILED)
