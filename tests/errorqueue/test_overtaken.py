"""Two at once: nobody takes back, notes or counts what another one has done since."""

import pytest
from django.contrib.messages import get_messages
from django.db import connection

from errorqueue import preflight, services, undo
from errorqueue.bulk import running
from errorqueue.failures import Light, Preflight
from errorqueue.models import BulkItem, BulkRun, FailedRecord
from integrations.models import SyncRecord
from tests.errorqueue.pages import page_of
from tests.errorqueue.test_bulk import chosen, fail_again, states, step

Status = FailedRecord.Status
ItemState = BulkItem.State


@pytest.fixture
def lines(make_line):
    return [make_line(minutes=60 - number) for number in range(6)]


@pytest.fixture
def otto(make_person):
    return make_person("otto", "view", "retry", "exclude", "bulk")


def retried_since(line, by):
    """The retry fails, and a colleague asks for another one."""
    fail_again(line)
    line.refresh_from_db()
    services.retry(line, by)


def test_an_undo_that_comes_late_leaves_a_colleagues_retry_alone(lines, olga, otto):
    mine = services.retry(lines[0], olga)
    retried_since(lines[0], otto)
    with pytest.raises(undo.TooLate, match="otto has done something about it since"):
        undo.take_back(mine, olga)
    lines[0].refresh_from_db()
    assert (lines[0].status, lines[0].retry_asked_by) == (Status.RETRYING, otto)
    assert SyncRecord.objects.get(pk=lines[0].object_id).state == "waiting"


def test_a_run_that_is_taken_back_leaves_a_colleagues_retry_alone(lines, olga, otto):
    run = running.start("retry", olga, chosen=chosen(lines))
    step(run)
    retried_since(lines[2], otto)
    undo.take_back_run(run, olga)
    assert step(run) == BulkRun.State.CANCELLED
    assert states(run) == {ItemState.UNDONE: 5, ItemState.SKIPPED: 1}
    lines[2].refresh_from_db()
    assert lines[2].status == Status.RETRYING


def test_the_history_names_who_took_a_run_back(lines, olga, otto):
    run = running.start("exclude", olga, chosen=chosen(lines), reason="test orders")
    step(run)
    undo.take_back_run(run, otto)
    step(run)
    assert {line.actions.get(verb="undo").by for line in lines} == {otto}


def test_words_of_a_person_make_no_step_of_a_run(lines, olga, otto):
    run = running.start("retry", olga, chosen=chosen(lines[:1]))
    step(run)
    retried_since(lines[0], otto)
    lines[0].actions.filter(by=otto).update(reason=f"Bulk {run.pk}. As olga did.")
    lines[0].actions.filter(by=olga).delete()
    undo.take_back_run(run, olga)
    step(run)
    lines[0].refresh_from_db()
    assert lines[0].status == Status.RETRYING
    assert run.items.get().note == "There is nothing to take back."


@pytest.mark.parametrize(
    ("waits", "told"), [(False, "is as it was before."), (True, "it needs a person.")]
)
def test_taking_back_says_how_the_line_stands(operator, make_line, bench, waits, told):
    line = make_line(waits=waits)
    operator.post(page_of(line, "retry/"))
    answer = operator.post(
        page_of(line, "undo/"), {"action": line.actions.get(verb="retry").pk}
    )
    said = [str(message) for message in get_messages(answer.wsgi_request)]
    assert said[-1].endswith(told)
    line.refresh_from_db()
    assert line.status == Status.FAILED


def test_a_failure_between_two_statements_is_not_counted_as_taken_back(lines, olga):
    run = running.start("retry", olga, chosen=chosen(lines))
    step(run)
    failing = [lines[0]]

    def fail_just_before(execute, sql, params, many, context):
        if failing and "Taken back." in (params or ()):
            fail_again(failing.pop())
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail_just_before):
        step(run)
    assert not failing
    assert run.items.get(line=lines[0]).state == ItemState.QUEUED
    step(run)
    assert run.items.get(line=lines[0]).state == ItemState.FAILED


def test_a_light_is_not_noted_on_a_line_that_failed_meanwhile(
    make_line, bench, monkeypatch
):
    line = make_line()

    def slow(asked):
        fail_again(FailedRecord.objects.get(pk=line.pk))
        return Preflight(Light.GREEN, "It would pass now.")

    monkeypatch.setattr(bench, "preflight", slow)
    assert preflight.check(line).light == Light.GREEN
    line.refresh_from_db()
    assert (line.preflight, line.preflight_note) == ("", "")
