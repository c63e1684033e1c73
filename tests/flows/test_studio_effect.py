"""The effect of a draft over stored records: counted, explained, nothing sent."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from errorqueue.clock import database_time
from integrations.models import (
    Attempt,
    CachedLookup,
    EffectCase,
    EffectReport,
    Flow,
    SlotMinute,
    SyncRecord,
)
from integrations.studio import effect, samples
from integrations.sync.emptying import empty_records
from integrations.sync.preview import latest_records
from integrations.sync.sweeper import sweep
from mappings import services
from tests.errorqueue.pages import text_of
from tests.flows.conftest import run_queue
from tests.flows.test_orders import post_order

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

State = EffectReport.State


@pytest.fixture
def document(demo):
    return Flow.objects.get(slug="shopify-orders").mapping


@pytest.fixture
def draft(document, admin_user):
    return services.new_draft(document, admin_user)


@pytest.fixture
def orders(post_order, drain):
    """Three orders that were delivered, and one whose item is unknown."""
    for number in (1, 2, 3):
        post_order(number=number)
    post_order(number=4, lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 2)])
    drain()


def fresh(report):
    return EffectReport.objects.get(pk=report.pk)


def counts(report):
    report = fresh(report)
    names = ("seen", "same", "changed", "failing", "passing", "still_failing")
    return {name: getattr(report, name) for name in names}


def none(**some):
    names = ("seen", "same", "changed", "failing", "passing", "still_failing")
    return dict.fromkeys(names, 0) | some


def ledger(netsuite):
    rows = SyncRecord.objects.order_by("pk").values_list("pk", "state", "token")
    written = [call for call in netsuite.journal if call.method not in ("GET",)]
    sent = [call for call in written if "/record/v1/" in call.path]
    return list(rows), Attempt.objects.count(), len(sent)


def test_a_draft_like_the_version_in_force_changes_nothing(
    orders, draft, drain, netsuite
):
    before = ledger(netsuite)
    cached = CachedLookup.objects.count()
    report = effect.ask(draft, None)
    drain()
    assert fresh(report).state == State.DONE
    assert counts(report) == none(seen=4, same=3, still_failing=1)
    assert ledger(netsuite) == before and CachedLookup.objects.count() == cached


def test_it_tells_both_values_of_each_field_and_the_money(orders, draft, drain):
    draft.rows.filter(target="memo").delete()
    draft.rows.filter(target="otherRefNum").update(
        kind="template", template="Web {name}", source="", transforms=[]
    )
    report = effect.ask(draft, None)
    drain()
    assert counts(report) == none(seen=4, changed=3, still_failing=1)
    case = report.cases.get(record__label="#1")
    assert ["otherRefNum", "#1", "Web #1"] in case.differences
    record = SyncRecord.objects.get(label="#1")
    total = sum(SyncRecord.objects.get(label=f"#{n}").amount for n in (1, 2, 3))
    assert fresh(report).money["changed"] == {record.currency: str(total)}


def test_what_newly_fails_and_newly_passes_is_named(orders, draft, drain, netsuite):
    draft.rows.create(
        target="custbody_gift", kind="copy", source="gift_note", required=True
    )
    report = effect.ask(draft, None)
    drain()
    assert counts(report) == none(seen=4, failing=3, still_failing=1)
    case = report.cases.filter(outcome=EffectCase.Outcome.FAILING).first()
    assert "custbody_gift" in case.problems[0]
    draft.rows.filter(target="custbody_gift").delete()
    draft.rows.filter(section="Lines", target="item.id").update(
        kind="constant", constant="7", source="", record="", by="", transforms=[]
    )
    report = effect.ask(draft, None)
    drain()
    assert counts(report)["passing"] == 1
    assert report.cases.get(outcome="passing").record.label == "#4"


def test_a_record_that_a_new_rule_keeps_out_is_a_change(orders, draft, drain):
    draft.exclusions.create(name="Nothing goes", when="name")
    report = effect.ask(draft, None)
    drain()
    assert counts(report) == none(seen=4, changed=4)
    told = {case.record.label: case.differences for case in report.cases.all()}
    assert told["#1"] == [["(record)", "sent", "kept out: Nothing goes"]]
    assert told["#4"] == [["(record)", "fails", "kept out: Nothing goes"]]


def test_it_looks_at_the_newest_records_and_no_more_than_asked(orders, draft, drain):
    report = effect.ask(draft, None, wanted=2)
    drain()
    assert counts(report) == none(seen=2, same=1, still_failing=1)


def test_a_record_whose_content_was_removed_is_no_failure(orders, draft, drain):
    emptied = SyncRecord.objects.get(label="#2")
    assert empty_records([emptied.pk], "after 30 days") == 1
    report = effect.ask(draft, None)
    drain()
    assert counts(report) == none(seen=3, same=2, still_failing=1)
    assert emptied not in latest_records(draft.document)
    assert emptied not in samples.records_of(draft.document)


def test_a_killed_worker_loses_nothing_and_counts_nothing_twice(
    orders, draft, drain, monkeypatch
):
    monkeypatch.setattr(effect, "BATCH", 1)
    draft.exclusions.create(name="Nothing goes", when="name")
    report = effect.ask(draft, None)
    keep, kept = effect._keep, []

    def die_on_the_third(*given):
        if len(kept) == 2:
            raise SystemExit
        kept.append(given)
        return keep(*given)

    monkeypatch.setattr(effect, "_keep", die_on_the_third)
    with pytest.raises(SystemExit):
        effect.step()
    half = fresh(report)
    assert (half.state, half.seen, half.cases.count()) == (State.RUNNING, 2, 2)
    assert not effect.is_due()  # the dead one's lease stands
    monkeypatch.setattr(effect, "_keep", keep)
    EffectReport.objects.update(lease_until=F("lease_until") - timedelta(minutes=2))
    sweep()
    run_queue()
    assert fresh(report).state == State.DONE
    assert counts(report) == none(seen=4, changed=4)
    assert report.cases.count() == 4


def test_a_draft_that_moves_meanwhile_ends_its_report(orders, draft, drain):
    report = effect.ask(draft, None)
    draft.rows.filter(target="memo").delete()
    drain()
    assert fresh(report).state == State.FAILED and "again" in fresh(report).note
    assert fresh(report).seen == 0


def test_asked_twice_there_is_one_report(orders, draft, drain):
    first = effect.ask(draft, None)
    assert effect.ask(draft, None) == first
    draft.rows.filter(target="memo").delete()
    second = effect.ask(draft, None)
    assert second != first and fresh(first).state == State.FAILED


def test_a_target_that_is_away_makes_it_wait_and_fails_no_record(
    orders, draft, drain, let_pass
):
    flow = Flow.objects.get(slug="shopify-orders")
    type(flow.target).objects.filter(pk=flow.target_id).update(state="paused")
    report = effect.ask(draft, None)
    effect.step()
    waiting = fresh(report)
    assert (waiting.state, waiting.seen) == (State.RUNNING, 0)
    assert "by itself" in waiting.note and not effect.is_due()
    type(flow.target).objects.filter(pk=flow.target_id).update(state="ready")
    EffectReport.objects.update(lease_until=database_time() - timedelta(seconds=1))
    drain()
    assert counts(report) == none(seen=4, same=3, still_failing=1)


def test_look_ups_share_one_memory(orders, draft, drain, netsuite):
    CachedLookup.objects.all().delete()
    SlotMinute.objects.all().delete()
    asked = len(netsuite.journal)
    effect.ask(draft, None)
    drain()
    paths = [call.path for call in netsuite.journal[asked:] if "suiteql" in call.path]
    items = SyncRecord.objects.filter(flow__slug="shopify-orders").count()
    assert items == 4 and 0 < len(paths) <= 8


# The page


def login(client, *rights):
    user = User.objects.create_user("pat", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client.force_login(user)
    return client


def test_the_page_asks_follows_and_groups_by_field(orders, draft, drain, admin_client):
    draft.rows.filter(target="otherRefNum").update(
        kind="constant", constant="'W'", source="", transforms=[]
    )
    page = reverse("admin:integrations_effect", args=[draft.pk])
    answer = admin_client.post(f"{page}ask/", {"wanted": "1000"}, follow=True)
    assert "0 of up to 1,000 records tried" in text_of(answer)
    progress = reverse(
        "admin:integrations_effect_progress", args=[EffectReport.objects.get().pk]
    )
    assert admin_client.get(progress).json()["is_moving"]
    drain()
    assert not admin_client.get(progress).json()["is_moving"]
    shown = text_of(admin_client.get(page))
    assert "otherRefNum : 3 records" in shown and "#1 → W" in shown
    assert "before the last change" not in shown
    draft.rows.filter(target="memo").delete()
    assert "Made before the last change" in text_of(admin_client.get(page))


def test_only_who_writes_or_signs_has_one_made(draft, client):
    page = reverse("admin:integrations_effect", args=[draft.pk])
    reader = login(client, "view_mappingversion")
    assert reader.get(page).status_code == 200
    assert reader.post(f"{page}ask/", {"wanted": "5"}).status_code == 403
    assert not EffectReport.objects.exists()


def test_a_number_out_of_range_is_said(draft, admin_client):
    page = reverse("admin:integrations_effect", args=[draft.pk])
    for wanted in ("0", "many", "999999"):
        answer = admin_client.post(f"{page}ask/", {"wanted": wanted}, follow=True)
        assert "Choose 1 to 5,000 records" in text_of(answer)


def test_a_slow_target_never_has_two_workers_at_one_report(
    orders, draft, drain, monkeypatch
):
    """Look-ups of one record may take longer than the lease of its worker."""
    monkeypatch.setattr(effect, "RENEWED_AFTER", 0.0)
    report = effect.ask(draft, None)
    told, asked = effect.SharedLookups._told, []

    def slow(self, *key):
        past = F("lease_until") - timedelta(seconds=40)
        EffectReport.objects.update(lease_until=past)
        effect_of(self).refresh_from_db(fields=["lease_until"])
        asked.append(effect.is_due())
        return told(self, *key)

    def effect_of(lookups):
        return lookups._beat.__self__.report

    monkeypatch.setattr(effect.SharedLookups, "_told", slow)
    monkeypatch.setattr(effect.SharedLookups, "_cached", lambda *key: None)
    effect.step()
    assert len(asked) > 1 and not any(asked)
    assert fresh(report).state == State.DONE


def test_a_worker_that_lost_its_report_stops_asking(orders, draft, drain, monkeypatch):
    monkeypatch.setattr(effect, "RENEWED_AFTER", 0.0)
    monkeypatch.setattr(effect.SharedLookups, "_cached", lambda *key: None)
    report = effect.ask(draft, None)
    bench = effect._Bench.compare

    def taken_over(self, *given):
        later = F("lease_until") + timedelta(seconds=1)
        EffectReport.objects.update(lease_until=later)
        return bench(self, *given)

    monkeypatch.setattr(effect._Bench, "compare", taken_over)
    effect.step()
    assert (fresh(report).seen, fresh(report).state) == (0, State.RUNNING)


def test_a_step_ends_in_time_also_within_a_batch(orders, draft, drain, monkeypatch):
    monkeypatch.setattr(effect, "STEP_SECONDS", 0.01)
    report = effect.ask(draft, None)
    effect.step()
    assert fresh(report).seen == 1
    drain()
    assert (fresh(report).seen, fresh(report).state) == (4, State.DONE)


def test_what_breaks_is_said_on_the_page_and_not_tried_for_ever(
    orders, draft, drain, monkeypatch
):
    def broken(*given):
        raise KeyError("boom")

    monkeypatch.setattr(effect, "map_with", broken)
    report = effect.ask(draft, None)
    effect.step()
    assert "log of the workers" in fresh(report).note and not effect.is_due()
    EffectReport.objects.update(
        asked_at=F("asked_at") - timedelta(days=2), lease_until=None
    )
    effect.step()
    assert fresh(report).state == State.FAILED


def test_the_page_reads_no_content_of_records(orders, draft, drain, admin_client):
    draft.exclusions.create(name="Nothing goes", when="name")
    effect.ask(draft, None)
    drain()
    page = reverse("admin:integrations_effect", args=[draft.pk])
    with CaptureQueriesContext(connection) as queries:
        assert admin_client.get(page).status_code == 200
    asked = [one["sql"] for one in queries if "effectcase" in one["sql"]]
    assert asked and not any('"source"' in sql for sql in asked)
    assert len(queries) < 40
