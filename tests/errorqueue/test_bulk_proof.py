"""A run does what was confirmed, goes on only when tried, and tells true figures."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission

from errorqueue import undo
from errorqueue.bulk import running
from errorqueue.bulk.progress import progress_of
from errorqueue.clock import database_time
from errorqueue.failures import FailureKind
from errorqueue.models import BulkItem, BulkRun, FailedRecord
from integrations.sync import pruning
from tests.errorqueue.pages import text_of
from tests.errorqueue.test_bulk import chosen, deliver, fail_again, states, step
from tests.errorqueue.test_bulk_pages import PLAN

Status = FailedRecord.Status
State = BulkRun.State
ItemState = BulkItem.State
RUNS = "/admin/errorqueue/bulkrun/"


@pytest.fixture
def lines(make_line):
    return [make_line(minutes=60 - number) for number in range(23)]


@pytest.fixture
def bo(make_person):
    person = make_person("bo", "view", "retry", "exclude", "bulk")
    person.user_permissions.add(Permission.objects.get(codename="view_bulkrun"))
    return person


@pytest.fixture
def boss(bo, browser_of):
    return browser_of(bo)


def block(lines, head):
    mine = FailedRecord.objects.filter(pk__in=chosen(lines))
    mine.update(status=Status.BLOCKED, blocked_by=head)


def test_ten_that_were_skipped_prove_nothing_so_ten_others_go_first(lines, olga):
    block(lines[:10], lines[22])
    run = running.start("retry", olga, chosen=chosen(lines), with_canary=True)
    assert step(run) == State.CANARY
    assert states(run) == {
        ItemState.SKIPPED: 10,
        ItemState.QUEUED: 10,
        ItemState.WAITING: 3,
    }
    for line in lines[10:20]:
        deliver(line)
    assert step(run) == State.RUNNING
    assert run.note == "The first ones passed."


def test_the_others_stop_the_rest_as_the_first_ones_would(lines, olga):
    block(lines[:10], lines[22])
    run = running.start("retry", olga, chosen=chosen(lines), with_canary=True)
    step(run)
    for line in lines[10:20]:
        fail_again(line)
    assert step(run) == State.STOPPED
    assert run.note.startswith("10 of the first 10 failed again")
    assert states(run)[ItemState.WAITING] == 3


def test_a_run_in_which_nothing_could_be_tried_does_not_say_that_it_passed(lines, olga):
    block(lines[:22], lines[22])
    run = running.start("retry", olga, chosen=chosen(lines[:22]), with_canary=True)
    assert step(run) == State.DONE
    assert run.note == "None of them could be tried."


def test_more_than_were_shown_start_nothing(lines, olga):
    with pytest.raises(running.MoreMatch, match="3 more match by now than the 20"):
        running.start("exclude", olga, chosen=chosen(lines), seen=20)
    assert not BulkRun.objects.exists()


def test_a_plan_that_has_grown_is_shown_again_with_what_was_typed(boss, lines):
    ids = [str(pk) for pk in chosen(lines)]
    told = {"seen": "20", "newest": str(max(chosen(lines))), "reason": "double orders"}
    meant = {"verb": "exclude", "_selected_action": ids}
    page = boss.post(PLAN, {**meant, **told})
    assert "3 more match by now than the 20 that were shown" in text_of(page)
    assert not BulkRun.objects.exists()
    form = page.context["form"]
    assert (form["seen"].value(), form["reason"].value()) == ("23", "double orders")
    boss.post(PLAN, {**meant, **told, "seen": form["seen"].value()})
    assert BulkRun.objects.get().reason == "double orders"


def test_what_begins_to_match_before_the_choosing_waits_for_a_person(make_line, olga):
    older = make_line(kind=FailureKind.MAPPING)
    make_line()
    run = running.start("retry", olga, query="q=kind:data", seen=1)
    FailedRecord.objects.filter(pk=older.pk).update(kind="data")
    assert step(run) == State.PAUSED
    assert run.note.startswith("1 more match by now than were shown.")
    assert states(run) == {ItemState.WAITING: 2}
    running.resume(run, olga)
    assert step(run) == State.RUNNING
    assert states(run) == {ItemState.QUEUED: 2}


def test_a_run_under_way_is_taken_back_by_a_button(boss, bo, lines):
    run = running.start("retry", bo, chosen=chosen(lines[:3]))
    step(run)
    assert "Take it all back" in text_of(boss.get(f"{RUNS}{run.pk}/change/"))
    boss.post(f"{RUNS}{run.pk}/undo/")
    assert "Take it all back" not in text_of(boss.get(f"{RUNS}{run.pk}/change/"))
    assert step(run) == State.CANCELLED
    assert states(run) == {ItemState.UNDONE: 3}
    assert "Undo" not in text_of(boss.get(f"{RUNS}{run.pk}/change/"))


def test_a_run_that_cannot_be_taken_back_has_no_such_button(boss, bo, lines):
    run = running.start("preflight", bo, chosen=chosen(lines))
    assert "Take it all back" not in text_of(boss.get(f"{RUNS}{run.pk}/change/"))
    with pytest.raises(undo.TooLate):
        undo.take_back_run(run, bo)


def test_the_list_counts_what_is_settled_and_what_failed_again(boss, bo, lines):
    run = running.start("retry", bo, chosen=chosen(lines))
    step(run)
    for line in lines[:5]:
        deliver(line)
    fail_again(lines[5])
    step(run)
    assert "6 of 23, 1 failed again" in text_of(boss.get(RUNS))


def test_notes_of_old_pre_flights_go_and_their_figures_stay(lines, olga, boss):
    run = running.start("preflight", None, chosen=chosen(lines[:4]))
    other = running.start("exclude", olga, chosen=chosen(lines[:1]), reason="test")
    step(run)
    run.items.filter(line=lines[0]).update(state=ItemState.SKIPPED)
    past = database_time() - timedelta(days=8)
    BulkRun.objects.update(ended_at=past)
    pruning.prune()
    run.refresh_from_db()
    assert states(run) == {ItemState.SKIPPED: 1}
    assert (progress_of(run).done, progress_of(run).percent) == (3, 100)
    assert other.items.count() == 1
    assert "4 of 4" in text_of(boss.get(RUNS))
