"""Versions that go live by themselves: once, late if need be, never unsigned."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from integrations.models import AuditEntry
from mappings import scheduling, services, signing
from mappings.models import MappingVersion, Signature
from tests.mappings.lines import change_memo, make_line, new_draft, person

pytestmark = pytest.mark.django_db

State = MappingVersion.State
HOUR = timedelta(hours=1)


@pytest.fixture
def editor(db):
    return person("erin", "change_mappingversion", "publish_mappingversion")


@pytest.fixture
def signed(editor):
    draft = new_draft(make_line(live=True), editor)
    change_memo(draft)
    sent = signing.send(draft, editor)
    signing.sign(sent, "business", person("sam", "sign_mappingversion"))
    return sent


@pytest.fixture
def scheduled(signed, editor):
    return scheduling.schedule(signed, timezone.now() + HOUR, editor)


def run(after: timedelta) -> list[scheduling.Activation]:
    return list(scheduling.activate_due(timezone.now() + after))


def test_it_goes_live_when_its_time_has_come_and_only_once(scheduled):
    assert run(timedelta()) == []
    [activation] = run(HOUR + timedelta(seconds=1))
    assert not activation.problem
    scheduled.refresh_from_db()
    assert scheduled.state == State.PUBLISHED and "late" not in scheduled.note
    assert run(2 * HOUR) == []
    told = AuditEntry.objects.filter(verb="published", subject_id=scheduled.pk)
    assert told.count() == 1


def test_two_who_saw_it_due_activate_it_once(scheduled):
    now = timezone.now() + HOUR
    [seen] = scheduling.due(now)
    assert scheduling.activate(seen, now) is not None
    assert scheduling.activate(seen, now) is None


def test_what_was_missed_goes_live_late_and_says_so(scheduled):
    run(5 * HOUR)
    scheduled.refresh_from_db()
    assert scheduled.state == State.PUBLISHED
    assert "Went live late: planned for" in scheduled.note


def test_taken_back_in_the_last_moment_it_stays_where_it_is(scheduled, editor):
    now = timezone.now() + HOUR
    [seen] = scheduling.due(now)
    signing.take_back(scheduled, editor)
    assert scheduling.activate(seen, now) is None
    scheduled.refresh_from_db()
    assert scheduled.state == State.DRAFT and scheduled.activate_at is None


def test_published_by_hand_before_it_is_not_published_again(scheduled, editor):
    now = timezone.now() + HOUR
    [seen] = scheduling.due(now)
    services.publish(scheduled, editor)
    assert scheduling.activate(seen, now) is None


def test_a_signature_gone_stale_keeps_it_from_going_live(scheduled):
    live = scheduled.document.published()
    Signature.objects.update(stale_at=timezone.now(), stale_reason="refreshed")
    [activation] = run(HOUR)
    assert "business signature" in activation.problem
    scheduled.refresh_from_db()
    assert scheduled.state == State.REVIEW
    assert scheduled.document.published() == live


def test_called_off_it_keeps_its_signatures(scheduled, editor):
    back = scheduling.call_off(scheduled, editor)
    assert back.state == State.REVIEW and signing.standing(back).is_signed
    assert run(2 * HOUR) == []


def test_unsigned_or_in_the_past_nothing_is_scheduled(signed, editor):
    with pytest.raises(ValidationError, match="to come"):
        scheduling.schedule(signed, timezone.now() - HOUR, editor)
    Signature.objects.all().update(stale_at=timezone.now())
    with pytest.raises(ValidationError, match="business"):
        scheduling.schedule(signed, timezone.now() + HOUR, editor)


def test_a_sandbox_draft_is_scheduled_and_called_off_without_signatures(editor):
    draft = new_draft(make_line("sandbox", live=True), editor)
    planned = scheduling.schedule(draft, timezone.now() + HOUR, editor)
    assert planned.is_frozen
    assert scheduling.call_off(planned, editor).state == State.DRAFT


def test_the_trail_tells_the_time_of_a_zone_in_utc(signed, editor):
    noon = datetime(2100, 6, 1, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    scheduled = scheduling.schedule(signed, noon, editor)
    told = AuditEntry.objects.get(verb="scheduled", subject_id=scheduled.pk)
    assert "2100-06-01 10:00 UTC" in told.detail
