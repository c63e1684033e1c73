"""Two workers step a run while people click and deliveries land: one server, no knot."""

import random
import threading
import time
from collections import Counter
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import connection, transaction

from errorqueue import causes, escalation, services, tally, undo
from errorqueue.bulk import running, stepping
from errorqueue.models import Action, BulkItem, BulkRun, FailedRecord
from errorqueue.services import NotOpen
from integrations.models import SyncRecord
from tests.errorqueue.conftest import failure
from tests.errorqueue.test_bulk import chosen

pytestmark = pytest.mark.django_db(transaction=True)
LINES = 60
PATIENCE = 40.0


class Crowd:
    """Threads that work until the run is over; what any of them raised is kept."""

    def __init__(self, run):
        self.run = run
        self.errors = []
        self.over = threading.Event()
        self.threads = []

    def add(self, work):
        self.threads.append(threading.Thread(target=self._live, args=(work,)))

    def _live(self, work):
        chance = random.Random(len(self.threads))  # noqa: S311
        try:
            while not self.over.is_set():
                work(chance)
                time.sleep(0.001)
        except Exception as error:
            self.errors.append(error)
        finally:
            connection.close()

    def work(self):
        for thread in self.threads:
            thread.start()
        ends_at = time.monotonic() + PATIENCE
        while time.monotonic() < ends_at and not self.errors:
            self.run.refresh_from_db()
            if self.run.state == BulkRun.State.DONE:
                break
            time.sleep(0.05)
        self.over.set()
        for thread in self.threads:
            thread.join()


def step(chance):
    stepping.step_all()


def click(by):
    """A colleague presses whatever there is, on any line, and takes some of it back."""

    def press(chance):
        line = FailedRecord.objects.order_by("?").first()
        with suppress(NotOpen, undo.TooLate):
            if chance.random() < 0.7:
                action = services.retry(line, by)
            else:
                action = services.exclude(line, by, "test order")
            if chance.random() < 0.5:
                undo.take_back(action, by)

    return press


def deliver(chance):
    """What a worker does: it claims the record, then settles record and line at once."""
    waiting = SyncRecord.objects.filter(state="waiting").order_by("due_at", "pk")
    record = waiting.first()
    mine = waiting.filter(pk=record.pk) if record else waiting.none()
    if not SyncRecord.objects.filter(pk__in=mine.values("pk")).update(state="running"):
        return
    with transaction.atomic():
        ours = SyncRecord.objects.filter(pk=record.pk, state="running")
        if chance.random() < 0.8:
            ours.update(state="delivered")
            services.resolve(record, "Delivered to NetSuite.")
        else:
            ours.update(state="failed")
            services.capture(record, record.labels(), failure())


def housekeep(chance):
    tally.refresh()
    causes.place_all()
    escalation.escalate()


@pytest.mark.parametrize("lease", [timedelta(0), stepping.LEASE])
def test_nothing_waits_crosswise_and_no_line_goes_twice(
    make_line, make_person, monkeypatch, lease
):  # F44
    if connection.vendor != "postgresql":
        pytest.skip("one writer at a time: nothing can wait crosswise")
    boss, colleague = make_person("bo", "retry"), make_person("cleo", "retry")
    lines = [make_line(minutes=LINES - number) for number in range(LINES)]
    FailedRecord.objects.update(due_at=lines[0].first_failed_at)
    monkeypatch.setattr(stepping, "LEASE", lease)
    monkeypatch.setattr(stepping, "UNDER_WAY", 12)
    run = running.start("retry", boss, chosen=chosen(lines))
    crowd = Crowd(run)
    broke = lambda *said: crowd.errors.append(said)  # noqa: E731
    monkeypatch.setattr(stepping.log, "exception", broke)
    for work in (step, step, click(colleague), deliver, deliver, housekeep):
        crowd.add(work)
    crowd.work()
    assert crowd.errors == []
    assert run.state == BulkRun.State.DONE
    ours = Action.objects.filter(reason__startswith=f"Bulk {run.pk}.").order_by("pk")
    times = Counter(ours.filter(verb="retry").values_list("failed", flat=True))
    assert set(times.values()) == {1}
    assert not run.items.filter(state__in=["waiting", "queued"]).exists()
    if lease:
        place = dict(BulkItem.objects.values_list("line", "position"))
        went = [place[line] for line in ours.values_list("failed", flat=True)]
        assert went == sorted(went)
