"""What the sweeper asks every two seconds stays a look into an index."""

import time
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from errorqueue import causes, notices, recipes, services, tally
from errorqueue.clock import database_time
from errorqueue.failures import FailureKind, FieldProblem
from errorqueue.fingerprint import normalised
from errorqueue.masking import hidden
from errorqueue.models import (
    Action,
    FailedRecord,
    Notice,
    Recipe,
    Subscriber,
    Watermark,
)
from errorqueue.outgoing import is_public
from integrations.models import SyncRecord
from tests.errorqueue.conftest import failure

HOUR = timedelta(hours=1)


@pytest.fixture
def cause_of(make_record):
    def make(value):
        problem = FieldProblem(target="shipMethod", value=value, rule="is not known")
        found = failure(FailureKind.MAPPING, problems=(problem,))
        record = make_record()
        return services.capture(record, record.labels(), found).cause

    return make


@pytest.fixture
def recipe(make_line, olga):
    line = make_line()
    made = recipes.keep(line, olga, name="Again", words="It passes.", verb="retry")
    recipes.allow(made, olga, is_automatic=True)
    made.refresh_from_db()
    return made


def pass_time():
    """An hour goes by in which nothing is touched."""
    FailedRecord.objects.update(touched_at=database_time() - HOUR)


def test_old_merges_are_not_asked_about(cause_of, olga, django_assert_max_num_queries):
    for number in "abcde":
        causes.merge(cause_of(f"From {number}"), cause_of(f"To {number}"), olga)
    assert causes.has_misplaced()
    causes.place_all()
    Watermark.objects.update(at=database_time() + HOUR)
    with django_assert_max_num_queries(4):
        assert not causes.has_misplaced()


def test_a_line_that_began_before_its_cause_was_merged_is_placed(cause_of, olga):
    mine, other = cause_of("Mine"), cause_of("Other")
    causes.merge(other, mine, olga)
    causes.place_all()
    FailedRecord.objects.filter(fingerprint=other.fingerprint).update(cause=other)
    Watermark.objects.update(at=database_time() - causes.EVERY - causes.EVERY)
    assert causes.has_misplaced()
    causes.place_all()
    assert not FailedRecord.objects.filter(cause=other).exists()


def test_a_pass_that_runs_out_of_time_leaves_the_rest_due(cause_of, olga, monkeypatch):
    causes.merge(cause_of("Mine"), cause_of("Other"), olga)
    monkeypatch.setattr(causes, "SECONDS", -1.0)
    causes.place_all()
    assert causes.has_misplaced()


def test_a_recipe_is_not_asked_about_what_it_was_tried_on(recipe, make_line):
    recipes.apply_automatic()
    FailedRecord.objects.update(status="failed")
    pass_time()
    Action.objects.filter(verb=Recipe.APPLIED).delete()  # as if a million lines old
    assert not recipes.has_automatic()
    make_line()
    assert recipes.has_automatic()


def test_a_recipe_that_is_allowed_again_looks_at_all(recipe, olga):
    recipes.apply_automatic()
    FailedRecord.objects.update(status="failed")
    Action.objects.filter(verb=Recipe.APPLIED).delete()
    pass_time()
    recipes.allow(recipe, olga, is_automatic=False)
    recipes.allow(recipe, olga, is_automatic=True)
    assert recipes.has_automatic()


def test_a_line_on_which_a_recipe_breaks_stops_no_other(recipe, make_line, monkeypatch):
    second = make_line()
    enqueue = SyncRecord.enqueue

    def breaks(record, by=None, choice=None):
        if str(record.pk) != second.object_id:
            raise KeyError("state")
        enqueue(record, by, choice)

    monkeypatch.setattr(SyncRecord, "enqueue", breaks)
    recipes.apply_automatic()
    second.refresh_from_db()
    assert second.status == FailedRecord.Status.RETRYING
    refused = Action.objects.get(verb=recipes.REFUSED)
    assert "KeyError" in refused.reason
    assert not recipes.has_automatic()


def test_a_long_count_rests_before_the_next(make_line, monkeypatch):
    make_line()
    monkeypatch.setattr(tally, "LONG", 0.0)
    monkeypatch.setattr(tally, "EVERY", timedelta(0))
    tally.refresh()
    rest = Watermark.objects.get(name=tally.REST)
    Watermark.objects.filter(pk=rest.pk).update(at=database_time() + HOUR)
    assert not tally.is_due()
    Watermark.objects.filter(pk=rest.pk).update(at=database_time() - HOUR)
    assert tally.is_due()


def test_what_is_kept_for_a_paused_webhook_is_not_looked_through(make_line):
    line, now = make_line(), database_time()
    paused = Subscriber.objects.create(
        name="Paused", url="https://x.example/", paused_reason="Gone.", events=[]
    )
    told = {"event": "opened", "body": {}, "made_at": now, "try_at": now}
    Notice.objects.create(subscriber=paused, line=line, **told)
    with CaptureQueriesContext(connection) as asked:
        assert not notices.has_due()
    assert not any("_notice" in one["sql"] for one in asked.captured_queries)
    Subscriber.objects.update(paused_reason="")
    assert notices.has_due()


@pytest.mark.parametrize("read", [hidden, normalised])
@pytest.mark.parametrize(
    "text", ["a" * 200_000, "<" + "a" * 200_000, "“" * 100_000, "a." * 60_000]
)
def test_no_text_holds_a_page_or_a_worker_for_hours(text, read):
    began = time.monotonic()
    read(text)
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("inside", ["fec0::1", "::127.0.0.1", "::ffff:0:127.0.0.1"])
def test_addresses_that_nobody_gave_out_are_not_public(inside):
    assert not is_public(inside)
