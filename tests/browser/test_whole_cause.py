"""A cause of five hundred records: ended with a handful of clicks."""

import time

import pytest
from django.db import transaction

from errorqueue import services, tally
from errorqueue.models import BulkRun, Cause, FailedRecord
from integrations.models import SyncRecord
from tests.browser.test_operator import operator, wait_for, worker

__all__ = ["operator", "worker"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

MANY = 500
# What a person may spend on it, waiting for the workers left out.
HUMAN_SECONDS = 120


@pytest.fixture
def many(demo, post_order, drain):
    """One order that met an unknown SKU, and 499 others of the same cause."""
    post_order(number=7001, lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 1)])
    drain()
    first = SyncRecord.objects.get(label="#7001")
    line = FailedRecord.objects.about(first).get()
    with transaction.atomic():
        for number in range(7002, 7001 + MANY):
            record = _like(first, number)
            services.capture(record, record.labels(), _failure_of(line))
    tally.refresh()
    return line.cause


def _like(first, number):
    record = SyncRecord.objects.get(pk=first.pk)
    record.pk, record.label = None, f"#{number}"
    record.source_key = f"57{number:08}"
    told = {"id": int(record.source_key), "name": record.label}
    record.source = {**first.source, **told}
    record.save()
    return record


def _failure_of(line):
    from errorqueue.failures import Failure, FailureKind, FieldProblem

    problems = tuple(
        FieldProblem(**{**one, "allowed": tuple(one["allowed"])})
        for one in line.problems
    )
    return Failure(
        FailureKind(line.kind), line.what, line.why, line.remedy, problems, line.code
    )


def test_a_cause_of_500_records_takes_less_than_two_minutes_of_human_time(
    operator, many, netsuite, worker, live_server, page
):
    assert Cause.objects.get(pk=many.pk).open_count == MANY
    netsuite.add_item("HAMMOCK-XL")
    page.goto(f"{live_server.url}/admin/")
    page.fill("#id_username", "olga")
    page.fill("#id_password", "a long pass phrase")
    page.click("[type=submit]")

    began = time.monotonic()
    page.goto(f"{live_server.url}/admin/errorqueue/cause/")
    page.get_by_role("link", name="HAMMOCK-XL").first.click()
    page.get_by_role("button", name="Retry all, ten first").click()
    assert f"Retry {MANY} records" in page.inner_text("h1")
    page.get_by_role("button", name=f"Retry {MANY} records").click()
    spent = time.monotonic() - began
    assert "/bulkrun/" in page.url
    assert spent < HUMAN_SECONDS

    wait_for(lambda: BulkRun.objects.filter(state=BulkRun.State.DONE), 240)
    page.get_by_text(f"{MANY} records: {MANY} done.").wait_for(timeout=20_000)
    delivered = SyncRecord.objects.filter(state="delivered", label__startswith="#7")
    assert delivered.count() == len(netsuite.orders) == MANY
    assert not FailedRecord.objects.open().exists()
