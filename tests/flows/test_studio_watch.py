"""The first live records of a version: a flow that would go wrong stops by itself."""

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from errorqueue.models import Alert, FailedRecord
from integrations.models import Attempt, AuditEntry, Flow, SyncRecord, Watch
from integrations.studio import watching
from integrations.sync import preflight
from mappings import services
from mappings.models import MappingDocument, MappingVersion
from tests.errorqueue.pages import text_of
from tests.flows.test_orders import post_order

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

State = Watch.State


@pytest.fixture
def flow(demo):
    return Flow.objects.get(slug="shopify-orders")


@pytest.fixture
def publish(flow, admin_user):
    """Publish a version that wants a field no order has, or a good one."""

    def go(*, good=False, size=10, limit=10):
        draft = services.new_draft(flow.mapping, admin_user)
        if good:
            draft.rows.filter(target="custbody_gift").delete()
        else:
            draft.rows.create(
                target="custbody_gift", kind="copy", source="gift_note", required=True
            )
        services.set_watch(draft, size, limit)
        return services.publish(draft, admin_user)

    return go


def watch_of(version) -> Watch:
    return Watch.objects.get(version=version)


def states() -> dict[str, str]:
    orders = SyncRecord.objects.filter(flow__slug="shopify-orders")
    return dict(orders.values_list("label", "state"))


def test_the_version_of_a_file_is_not_watched_a_later_one_is(flow, publish):
    assert not Watch.objects.exists()
    version = publish()
    watch = watch_of(version)
    assert (watch.flow, watch.size, watch.limit_percent) == (flow, 10, 10)


def test_too_many_failures_put_the_flow_on_hold_with_one_alert(
    flow, publish, post_order, drain
):
    version = publish()
    post_order(number=1)
    drain()
    assert watch_of(version).state == State.WATCHING  # 1 of 10 is the limit itself
    post_order(number=2)
    drain()
    watch = watch_of(version)
    assert (watch.state, watch.failed, watch.seen) == (State.HELD, 2, 2)
    flow.refresh_from_db()
    assert "2 of the first 2 records failed" in flow.hold_reason
    assert Alert.objects.get(key=watching.alert_key(flow)).flow == str(flow)
    verbs = AuditEntry.objects.filter(subject="flow").values_list("verb", flat=True)
    assert "put on hold" in list(verbs)


def test_a_held_flow_takes_events_in_and_loses_nothing(
    flow, publish, post_order, drain, netsuite, let_pass
):
    publish(limit=0)
    post_order(number=1)
    drain()
    for number in (2, 3, 4):
        post_order(number=number)
    drain()
    let_pass(7200)
    drain()
    held = SyncRecord.objects.filter(flow=flow, hold=SyncRecord.Hold.FLOW)
    assert {one.label for one in held} == {"#2", "#3", "#4"}
    assert all("failed" in one.hold_reason for one in held)
    assert netsuite.orders == {}
    found = preflight.preflight(held.select_related("flow__target").first())
    assert "on hold" in found.note


def test_one_click_brings_the_version_before_back_and_the_flow_goes_on(
    flow, publish, post_order, drain, netsuite, admin_client
):
    first = flow.mapping.published()
    bad = publish(limit=0)
    post_order(number=1)
    drain()
    post_order(number=2)
    drain()
    page = reverse("admin:integrations_watch", args=[watch_of(bad).pk])
    shown = text_of(admin_client.get(page))
    assert "is on hold" in shown and "1 wait safely" in shown
    answer = admin_client.post(f"{page}roll-back/", follow=True)
    assert "is live" in text_of(answer)
    drain()
    live = flow.mapping.published()
    assert live.restores == first and live.number == bad.number + 1
    assert states() == {"#1": "failed", "#2": "delivered"}
    flow.refresh_from_db()
    assert flow.held_at is None and flow.hold_reason == ""
    assert not Alert.objects.filter(closed_at=None, key__startswith="watch:").exists()
    assert watch_of(live).state == State.WATCHING
    again = text_of(admin_client.post(f"{page}roll-back/", follow=True))
    assert "not live any more" in again and flow.mapping.published() == live


def test_a_better_version_ends_the_hold_as_well(flow, publish, post_order, drain):
    publish(limit=0)
    post_order(number=1)
    drain()
    post_order(number=2)
    drain()
    publish(good=True)
    drain()
    assert states()["#2"] == "delivered"


def test_a_person_may_go_on_all_the_same(
    flow, publish, post_order, drain, admin_client
):
    bad = publish(limit=0)
    post_order(number=1)
    drain()
    post_order(number=2)
    drain()
    page = reverse("admin:integrations_watch", args=[watch_of(bad).pk])
    answer = admin_client.post(f"{page}resume/", follow=True)
    assert f"goes on with {bad}" in text_of(answer)
    drain()
    assert states() == {"#1": "failed", "#2": "failed"}
    assert "Resumed" in watch_of(bad).note
    assert "was not on hold" in text_of(
        admin_client.post(f"{page}resume/", follow=True)
    )


def test_enough_good_records_end_the_watch_well(publish, post_order, drain):
    version = publish(good=True, size=2)
    for number in (1, 2, 3):
        post_order(number=number)
    drain()
    watch = watch_of(version)
    assert (watch.state, watch.seen, watch.failed) == (State.PASSED, 2, 0)


def test_a_vendor_that_is_away_says_nothing_about_a_version(
    publish, post_order, drain, netsuite
):
    version = publish(good=True, limit=0)
    netsuite.fail_next(503, body="<html></html>", times=1, path="salesOrder")
    post_order(number=1)
    drain()
    assert Attempt.objects.get(mapping=version).kind == "temporary"
    assert (watch_of(version).failed, watch_of(version).state) == (0, State.WATCHING)


def test_a_record_counts_once_however_often_it_is_tried(
    flow, publish, post_order, drain
):
    version = publish(size=10, limit=50)
    post_order(number=1)
    drain()
    line = FailedRecord.objects.open().get(reference="#1")
    from errorqueue import services as queue

    for _ in range(3):
        queue.retry(line)
        drain()
        line.refresh_from_db()
    assert (watch_of(version).seen, watch_of(version).failed) == (1, 1)


def test_a_size_of_nothing_means_no_watch(publish):
    publish(size=0)
    assert not Watch.objects.exists()


def test_another_version_ends_a_running_watch(publish):
    first = publish(good=True)
    publish(good=True)
    assert watch_of(first).state == State.ENDED


def test_who_may_not_publish_may_not_answer(flow, publish, post_order, drain, client):
    bad = publish(limit=0)
    post_order(number=1)
    drain()
    user = User.objects.create_user("pat", is_staff=True)
    view = Permission.objects.get(codename="view_mappingversion")
    user.user_permissions.add(view)
    client.force_login(user)
    page = reverse("admin:integrations_watch", args=[watch_of(bad).pk])
    assert client.get(page).status_code == 200
    for verb in ("roll-back", "resume"):
        assert client.post(f"{page}{verb}/").status_code == 403
    flow.refresh_from_db()
    assert flow.held_at is not None


@pytest.fixture
def twin(flow):
    """Another document for the same records, with one published version."""
    before = MappingDocument.objects.get(pk=flow.mapping_id)
    first = before.published()
    made = MappingDocument.objects.get(pk=before.pk)
    made.pk, made.name, made.slug = None, "Twin", "twin"
    made.save()
    draft = services.new_draft(made, None, source=first)
    services.set_watch(draft, 10, 0)
    services.publish(draft, None)
    return made


def take(flow, document, by) -> None:
    flow.mapping = document
    flow.save(update_fields=["mapping"])
    watching.took_document(flow, by)


def test_a_flow_that_takes_another_document_is_watched_as_well(
    flow, twin, publish, post_order, drain, admin_user
):
    bad = publish(limit=0)
    post_order(number=1)
    drain()
    flow.refresh_from_db()
    assert flow.held_at is not None
    take(flow, twin, admin_user)
    watch = watch_of(twin.published())
    assert (watch.flow, watch.state, watch.size) == (flow, State.WATCHING, 10)
    post_order(number=2)
    drain()
    assert states() == {"#1": "failed", "#2": "delivered"}
    watch.refresh_from_db()
    assert (watch.seen, watch.failed) == (1, 0)
    assert watch_of(bad).state == State.HELD


def test_a_flow_is_never_held_for_a_document_that_it_has_left(
    flow, twin, publish, post_order, drain
):
    left = publish()
    for number in (1, 2):
        post_order(number=number)
    Flow.objects.filter(pk=flow.pk).update(mapping=twin)
    watching.look()
    watch = watch_of(left)
    assert (watch.state, watch.note) == (
        State.ENDED,
        "The flow goes by Twin now.",
    )
    assert not watching.is_due()


def test_the_page_of_a_flow_begins_the_watch(flow, twin, admin_client):
    page = reverse("admin:integrations_flow_change", args=[flow.pk])
    form = admin_client.get(page).context["adminform"].form
    told = {name: form[name].value() for name in form.fields}
    told |= {"retry_schedule": "1, 2", "mapping": twin.pk}
    inline = {"dependencies-TOTAL_FORMS": 0, "dependencies-INITIAL_FORMS": 0}
    answer = admin_client.post(page, {**told, **inline})
    assert answer.status_code == 302
    assert watch_of(twin.published()).flow == flow


def test_a_first_version_that_goes_live_by_itself_is_watched(flow, admin_user):
    document = MappingDocument.objects.get(pk=flow.mapping_id)
    draft = services.new_draft(document, admin_user)
    MappingVersion.objects.filter(document=document).exclude(pk=draft.pk).update(
        state=MappingVersion.State.RETIRED
    )
    services.go_live(draft, None)
    assert watch_of(draft).state == State.WATCHING


def test_an_old_page_does_not_end_the_hold_of_a_newer_version(
    flow, publish, post_order, drain, admin_client, admin_user
):
    old = publish(limit=0)
    post_order(number=1)
    drain()
    draft = services.new_draft(flow.mapping, admin_user)  # as bad as the old one
    services.set_watch(draft, 10, 0)
    newer = services.publish(draft, admin_user)
    post_order(number=2)
    drain()
    assert watch_of(newer).state == State.HELD
    page = reverse("admin:integrations_watch", args=[watch_of(old).pk])
    admin_client.post(f"{page}resume/")
    flow.refresh_from_db()
    assert flow.held_at is not None
    assert admin_client.post(f"{page}anything/").status_code == 404
