import pytest

from errorqueue import services
from errorqueue.models import FailedRecord
from integrations.models import SyncRecord
from tests.errorqueue.pages import page_of

State = SyncRecord.State


def status(client, line):
    return client.get(page_of(line, "status/")).json()


def test_a_retry_is_followed_from_queued_to_running_to_done(operator, make_line, olga):
    line = make_line()
    services.retry(line, by=olga)
    assert status(operator, line)["label"] == "Queued"
    SyncRecord.objects.update(state=State.RUNNING)
    answer = status(operator, line)
    assert (answer["status"], answer["label"]) == ("retrying", "Running")
    assert answer["is_moving"] is True
    SyncRecord.objects.update(state=State.DELIVERED)
    services.resolve(line.subject, "Delivered.")
    assert status(operator, line) == {
        "status": "resolved",
        "label": "Resolved",
        "tone": "good",
        "next_try": None,
        "next_try_text": "",
        "is_moving": False,
    }


def test_a_retry_that_fails_again_names_the_next_try(operator, make_line, olga):
    line = make_line()
    services.retry(line, by=olga)
    line = make_line(record=line.subject, waits=True)
    answer = status(operator, line)
    assert (answer["status"], answer["is_moving"]) == ("waiting", False)
    assert answer["next_try"] == line.next_try_at.isoformat()
    assert answer["next_try_text"] == "in 11 minutes"


def test_a_retry_that_must_wait_says_for_what(operator, make_line, olga):
    line = make_line()
    services.retry(line, by=olga)
    SyncRecord.objects.update(state=State.HELD, hold_reason="waits for Customer jane")
    assert status(operator, line)["label"] == "On hold: waits for Customer jane"


@pytest.mark.parametrize("verb", ["post", "put", "patch", "delete"])
def test_the_status_can_only_be_read(operator, make_line, verb):
    line = make_line()
    assert getattr(operator, verb)(page_of(line, "status/")).status_code in (403, 405)
    assert FailedRecord.objects.get().status == "failed"


def test_the_status_of_nothing_is_not_found(operator, db):
    assert operator.get("/admin/errorqueue/failedrecord/77/status/").status_code == 404
