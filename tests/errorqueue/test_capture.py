from datetime import timedelta

import pytest

from errorqueue import services
from errorqueue.clock import database_time
from errorqueue.failures import FailureKind, FieldProblem, Labels
from errorqueue.models import FailedRecord
from tests.errorqueue.conftest import failure

Status = FailedRecord.Status


def test_a_failure_opens_one_line_with_its_labels(make_record):
    record = make_record(label="#1042", source_key="gid://shopify/Order/77")
    services.capture(record, record.labels(), failure())
    line = FailedRecord.objects.get()
    assert line.sentence == "Order #1042 has a postcode that is too long"
    assert (line.flow, line.source, line.target) == (
        "Orders to NetSuite",
        "Acme Shop",
        "NetSuite",
    )
    assert (line.reference, line.source_id) == ("#1042", "gid://shopify/Order/77")
    assert (line.field, line.code) == ("shippingAddress.zip", "INVALID_FIELD_LENGTH")
    assert line.status == Status.FAILED
    assert line.subject == record


def test_a_second_failure_refreshes_the_same_line(make_record):
    record = make_record()
    first = services.capture(record, record.labels(), failure())
    since = first.first_failed_at
    services.capture(record, record.labels(), failure(what="is refused again"), tries=2)
    line = FailedRecord.objects.get()
    assert line.pk == first.pk
    assert line.first_failed_at == since
    assert line.last_failed_at > since
    assert (line.what, line.tries) == ("is refused again", 2)


def test_a_failure_with_a_next_try_waits_by_itself(make_record):
    record, soon = make_record(), database_time() + timedelta(minutes=2)
    services.capture(
        record, record.labels(), failure(FailureKind.TEMPORARY), next_try_at=soon
    )
    line = FailedRecord.objects.get()
    assert (line.status, line.next_try_at) == (Status.WAITING, soon)


def test_a_waiting_line_that_used_up_its_tries_needs_a_person(make_line):
    line = make_line(FailureKind.TEMPORARY, waits=True)
    services.capture(line.subject, line.subject.labels(), failure(), tries=10)
    line.refresh_from_db()
    assert (line.status, line.next_try_at) == (Status.FAILED, None)


def test_a_settled_record_that_fails_again_opens_a_new_line(make_line):
    line = make_line()
    services.resolve(line.subject, "Delivered.")
    again = services.capture(line.subject, line.subject.labels(), failure())
    assert again.pk != line.pk
    assert FailedRecord.objects.open().get() == again


def test_records_of_two_subjects_have_a_line_each(make_line):
    assert make_line().pk != make_line().pk


@pytest.mark.parametrize("poison", ["NUL \x00 here", "half \ud83d pair"])
def test_poisoned_foreign_text_is_kept_without_what_no_database_takes(
    make_record, poison
):
    problem = FieldProblem(target=poison, value=poison, allowed=(poison,))
    labels = Labels(subject=poison, party=poison, skus=(poison,))
    services.capture(
        make_record(),
        labels,
        failure(what=poison, why=poison, raw=poison, problems=(problem,)),
    )
    line = FailedRecord.objects.get()
    kept = [line.what, line.party, line.raw, line.problems[0]["allowed"][0]]
    assert all("\x00" not in text for text in kept)
    assert all(text.startswith(poison.split()[0]) for text in kept)


def test_over_long_foreign_text_is_cut_not_refused(make_record):
    long = "x" * 5000
    labels = Labels(subject=long, entity=long, reference=long, source_id=long)
    services.capture(make_record(), labels, failure(what=long, code=long))
    line = FailedRecord.objects.get()
    line.full_clean(exclude=["problems"])
    assert len(line.what) == 500
