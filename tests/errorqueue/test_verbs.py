from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connections

from errorqueue import services
from errorqueue.clock import database_time
from errorqueue.models import Action, FailedRecord
from integrations.models import SyncRecord

Status = FailedRecord.Status
State = SyncRecord.State


def test_retry_makes_the_record_due_and_notes_who_asked(make_line, olga):
    line = make_line()
    services.retry(line, by=olga, reason="postcode mended")
    line.refresh_from_db()
    record = line.subject
    assert (record.state, record.tries) == (State.WAITING, 0)
    assert record.due_at <= database_time()
    assert (line.status, line.retry_asked_by) == (Status.RETRYING, olga)
    action = line.actions.get()
    assert (action.verb, action.by, action.reason) == ("retry", olga, "postcode mended")


def test_f86_a_second_click_has_no_effect_and_names_the_first_person(
    make_line, olga, make_person
):
    line = make_line()
    services.retry(line, by=olga)
    with pytest.raises(services.AlreadyQueued, match="olga queued ERR-"):
        services.retry(line, by=make_person("otto"))
    assert line.actions.count() == 1


def test_a_retry_that_leads_nowhere_may_be_asked_again_later(make_line, olga):
    line = make_line()
    services.retry(line, by=olga)
    asked_at = database_time() - timedelta(minutes=2)
    FailedRecord.objects.update(retry_asked_at=asked_at)
    services.retry(line, by=olga)
    assert line.actions.count() == 2


@pytest.mark.django_db(transaction=True)
def test_f86_many_paired_clicks_queue_each_record_once(make_line, olga):
    for _ in range(10):
        line, gate = make_line(), Barrier(2)
        pair = [Thread(target=_click, args=(line, olga, gate)) for _ in range(2)]
        for thread in pair:
            thread.start()
        for thread in pair:
            thread.join()
        assert line.actions.count() == 1


def _click(line, person, gate):
    gate.wait()
    try:
        services.retry(FailedRecord.objects.get(pk=line.pk), by=person)
    except services.AlreadyQueued:
        pass
    finally:
        connections.close_all()


def test_retry_of_a_settled_line_is_refused_and_changes_nothing(make_line, olga):
    line = make_line()
    SyncRecord.objects.update(state=State.DELIVERED)
    services.resolve(line.subject, "Delivered to NetSuite as 88123.")
    with pytest.raises(services.NotOpen, match="Delivered to NetSuite as 88123"):
        services.retry(line, by=olga)
    assert SyncRecord.objects.get().state == State.DELIVERED
    assert not Action.objects.exists()


def test_retry_refused_leaves_an_excluded_record_excluded(make_line, olga):
    line = make_line()
    services.exclude(line, olga, "test order")
    with pytest.raises(services.NotOpen):
        services.retry(line, by=olga)
    assert SyncRecord.objects.get().state == State.EXCLUDED


def test_retry_of_a_vanished_record_says_that_it_is_gone(make_line, olga):
    line = make_line()
    SyncRecord.objects.all().delete()
    with pytest.raises(services.SubjectGone, match="does not exist any more"):
        services.retry(FailedRecord.objects.get(pk=line.pk), by=olga)


def test_exclude_keeps_who_when_and_why(make_line, olga):
    line = make_line()
    services.exclude(line, olga, "test order of the shop team")
    line.refresh_from_db()
    assert line.status == Status.EXCLUDED
    assert line.settled_by == olga and line.settled_at
    assert line.settled_how == "Excluded: test order of the shop team"
    assert line.subject.state == State.EXCLUDED
    assert line.actions.get().reason == "test order of the shop team"


def test_resolve_closes_the_open_line_with_its_proof(make_line):
    line = make_line(waits=True)
    services.resolve(line.subject, "Delivered to NetSuite as 88123.")
    line.refresh_from_db()
    assert (line.status, line.next_try_at) == (Status.RESOLVED, None)
    assert line.settled_how == "Delivered to NetSuite as 88123."


def test_resolve_leaves_a_line_alone_that_a_person_excluded(make_line, olga):
    line = make_line()
    services.exclude(line, olga, "test order")
    services.resolve(line.subject, "Delivered.")
    line.refresh_from_db()
    assert line.status == Status.EXCLUDED


def test_resolve_without_a_line_does_nothing(make_record):
    services.resolve(make_record(), "Delivered.")
    assert not FailedRecord.objects.exists()


def test_a_new_failure_ends_the_retry_that_was_asked_for(make_line, olga):
    line = make_line()
    services.retry(line, by=olga)
    line = make_line(record=line.subject)
    assert (line.status, line.retry_asked_by) == (Status.FAILED, None)
    services.retry(line, by=olga)
    assert line.actions.count() == 2


def test_f88_an_edit_is_kept_with_both_versions_and_the_reason(make_line, olga):
    line = make_line()
    services.note_edit(line, olga, "customer called", '{"zip": "1"}', '{"zip": "2"}')
    action = line.actions.get()
    assert (action.before, action.after) == ('{"zip": "1"}', '{"zip": "2"}')
    assert (action.verb, action.reason, action.by) == ("edit", "customer called", olga)
