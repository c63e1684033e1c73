"""A sandbox that was made anew: credentials, caches, links, names, drift."""

from datetime import timedelta
from unittest.mock import Mock

import pytest
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.urls import reverse

from errorqueue.clock import database_time
from integrations.connectors.errors import RequestRefused
from integrations.models import (
    CachedLookup,
    Connection,
    Link,
    Metadata,
    MovedLink,
    NamedLookup,
    Refresh,
    SyncRecord,
)
from integrations.studio import refresh as refreshing
from integrations.studio import resolving
from integrations.sync import accounts
from mappings import services
from mappings.models import MappingVersion, Scenario, ScenarioRun, Signature
from tests.integrations.environments import *  # noqa: F403
from tests.integrations.environments import renumber

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def anna(demo) -> User:
    person = User.objects.create_user("anna", is_staff=True)
    person.groups.add(Group.objects.get(name="Integration admins"))
    return person


@pytest.fixture
def known(post_order, drain, books) -> Connection:
    """A sandbox with an order in it, whose names were resolved."""
    post_order(number=1)
    drain()
    resolving.collect()
    drain()
    return books


@pytest.fixture
def renew(netsuite, keys, books, anna):
    """Set new credentials, as a person does after the vendor's refresh."""

    def set_new() -> None:
        netsuite.add_certificate("client", "fresh", keys.DEMO_NETSUITE_CERTIFICATE)
        accounts.set_credential(books, "client_id", "client", anna)
        accounts.set_credential(books, "certificate_id", "fresh", anna)
        assert accounts.check(Connection.objects.get(pk=books.pk)).is_good

    return set_new


@pytest.fixture
def refusing(monkeypatch):
    """Let the account answer every question for a link with an error."""

    def answer(error):
        connector = Mock()
        connector.find_written.side_effect = error
        monkeypatch.setattr(refreshing, "connector_for", lambda _: connector)

    return answer


def test_everything_that_knew_the_old_sandbox_is_dropped_at_once(known, anna):
    Metadata.objects.create(
        connection=known, name="fields of x", content={}, read_at="2026-01-01T00:00Z"
    )
    links = Link.objects.filter(target_connection=known).count()
    assert links and CachedLookup.objects.filter(connection=known).exists()
    made = refreshing.begin(known, anna, "Monthly")
    known.refresh_from_db()
    assert known.state == Connection.State.REFRESHED
    assert not CachedLookup.objects.filter(connection=known).exists()
    assert not Link.objects.filter(target_connection=known).exists()
    assert not Metadata.objects.filter(connection=known, name="fields of x").exists()
    assert made.links.count() == links == made.dropped["links"]


def test_nothing_is_asked_or_sent_before_new_credentials_work(
    known, anna, netsuite, post_order, drain
):
    netsuite.refresh_sandbox()
    made = refreshing.begin(known, anna)
    before = len(netsuite.journal)
    post_order(number=2)
    drain()
    assert len(netsuite.journal) == before
    assert refreshing.progress(made).needs_credentials
    assert SyncRecord.objects.get(label="#2").state == SyncRecord.State.HELD


def test_names_and_links_are_resolved_again_and_the_drift_is_listed(
    known, anna, netsuite, post_order, drain, renew
):
    was = {one["name"]: one["id"] for one in netsuite.stored("shipItem")}
    [order] = netsuite.orders.values()
    customer = Link.objects.get(target_record="customer")
    netsuite.refresh_sandbox()
    renumber(netsuite, "shipItem")
    now = {one["name"]: one["id"] for one in netsuite.stored("shipItem")}
    gone = netsuite.store.get("salesOrder", order["id"])
    netsuite.store.remove(gone, netsuite.now())
    made = refreshing.begin(known, anna)
    post_order(number=2)
    renew()
    drain()
    made.refresh_from_db()
    assert made.resolved_at is not None
    express = NamedLookup.objects.get(
        connection=known, record="shipItem", value="Express"
    )
    assert (express.was_id, express.target_id) == (was["Express"], now["Express"])
    drift = {
        (record, value): (old, new) for record, _, value, old, new, _ in made.drift
    }
    assert drift["shipItem", "Express"] == (was["Express"], now["Express"])
    assert drift["salesOrder", order["externalId"]] == (order["id"], "")
    again = Link.objects.get(target_record="customer")
    assert again.target_id == customer.target_id
    assert not Link.objects.filter(target_id=order["id"]).exists()
    assert SyncRecord.objects.get(label="#1").target_id == ""
    assert SyncRecord.objects.get(label="#2").state == SyncRecord.State.DELIVERED


def test_a_link_with_another_id_follows_and_so_does_its_ledger_line(
    known, anna, netsuite, drain, renew
):
    [customer] = netsuite.stored("customer")
    record = netsuite.store.get("customer", customer["id"])
    netsuite.refresh_sandbox()
    netsuite.store.remove(record, netsuite.now())
    kept = ("externalId", "firstName", "lastName", "isPerson")
    moved = netsuite.add_customer(**{k: customer[k] for k in kept if k in customer})
    made = refreshing.begin(known, anna)
    renew()
    drain()
    made.refresh_from_db()
    assert moved != customer["id"]
    assert Link.objects.get(target_record="customer").target_id == moved
    line = SyncRecord.objects.get(flow__target_record="customer")
    assert line.target_id == moved
    assert [
        "customer",
        "external id",
        customer["externalId"],
        customer["id"],
        moved,
        "",
    ] in made.drift


def test_a_link_that_the_vendor_refuses_is_not_called_gone(
    known, anna, refusing, renew, client
):
    made = refreshing.begin(known, anna)
    renew()
    refusing(RequestRefused("The role may not see customers.", status=403))
    refreshing.step()
    links = made.links.values_list("state", "said")
    assert {state for state, _ in links} == {MovedLink.State.REFUSED}
    assert all(said for _, said in links)
    assert SyncRecord.objects.exclude(target_id="").exists()  # nobody knows better
    client.force_login(anna)
    address = reverse("admin:integrations_refresh_change", args=[made.pk])
    page = client.get(address).content.decode()
    assert "Not known" in page and links[0][1][:30] in page
    assert ">Gone<" not in page


@pytest.mark.parametrize("status", [404, 410])
def test_a_link_that_is_not_there_any_more_is_gone(
    known, anna, refusing, renew, status
):
    made = refreshing.begin(known, anna)
    renew()
    refusing(RequestRefused("No such record.", status=status))
    refreshing.step()
    states = set(made.links.values_list("state", flat=True))
    assert states == {MovedLink.State.MISSING}


def test_a_refresh_whose_names_wait_for_their_next_try_rings_for_nothing(
    known, anna, renew
):
    made = refreshing.begin(known, anna)
    renew()
    assert refreshing.has_due()
    made.links.update(state=MovedLink.State.SAME)
    later = database_time() + timedelta(minutes=10)
    NamedLookup.objects.filter(connection=known).update(due_at=later)
    assert not refreshing.has_due()
    NamedLookup.objects.filter(connection=known).update(is_wanted=False)
    assert refreshing.has_due()  # to be closed


def test_an_answer_writes_no_more_than_itself(known):
    row = NamedLookup.objects.filter(connection=known).first()
    NamedLookup.objects.filter(pk=row.pk).update(documents=["another"])
    resolving._keep(row, NamedLookup.State.MISSING, [])
    row.refresh_from_db()
    assert (row.state, row.documents) == (NamedLookup.State.MISSING, ["another"])


def test_an_answer_from_before_a_refresh_is_dropped(known, anna):
    row = NamedLookup.objects.filter(connection=known).first()
    refreshing.begin(known, anna)
    resolving._keep(row, NamedLookup.State.MISSING, [])
    row.refresh_from_db()
    assert row.is_wanted and row.state != NamedLookup.State.MISSING


@pytest.mark.parametrize("status", [503, 429])
def test_a_busy_account_says_nothing_of_a_link(known, anna, netsuite, renew, status):
    order_id = SyncRecord.objects.get(label="#1").target_id
    netsuite.refresh_sandbox()
    made = refreshing.begin(known, anna)
    renew()
    netsuite.fail_next(status, times=3)
    refreshing.step()
    assert not made.links.filter(state=MovedLink.State.MISSING).exists()
    for _ in range(4):
        Connection.objects.filter(pk=known.pk).update(limited_until=None)
        refreshing.step()
    assert not made.links.exclude(state=MovedLink.State.SAME).exists()
    assert SyncRecord.objects.get(label="#1").target_id == order_id


def test_steps_that_died_half_way_go_on_where_they_were(
    known, anna, netsuite, drain, renew, monkeypatch
):
    netsuite.refresh_sandbox()
    made = refreshing.begin(known, anna)
    renew()
    settle, done = refreshing._settle, []

    def dies(connection, moved, now):
        if done:
            raise SystemExit
        done.append(moved)
        settle(connection, moved, now)

    monkeypatch.setattr(refreshing, "_settle", dies)
    with pytest.raises(SystemExit):
        refreshing.step()
    waiting = made.links.filter(state=MovedLink.State.WAITING)
    assert waiting.count() == made.links.count() - 1 > 0
    monkeypatch.setattr(refreshing, "_settle", settle)
    drain()
    made.refresh_from_db()
    assert made.resolved_at and not waiting.exists()


def test_a_second_refresh_before_the_first_ended_takes_its_links_over(known, anna):
    first = refreshing.begin(known, anna)
    links = first.links.count()
    second = refreshing.begin(known, anna)
    first.refresh_from_db()
    assert first.resolved_at and second.links.count() == links


def test_runs_and_signatures_that_rest_on_it_become_stale(known, anna, order_document):
    draft = services.new_draft(order_document, anna)
    MappingVersion.objects.filter(pk=draft.pk).update(state="review", digest="d")
    scenario = Scenario.objects.create(
        slug="zero", name="Zero", group="edge", source_system="shopify",
        source_entity="order", key="zero", what="w", expected="e",
    )  # fmt: skip
    run = ScenarioRun.objects.create(
        scenario=scenario, version=draft, digest="d", state="passed",
        connection=known.slug, asked_at=database_time(),
    )  # fmt: skip
    signature = Signature.objects.create(
        version=draft, answer="signed", digest="d", at=database_time(), by=anna
    )
    signature.runs.add(run)
    made = refreshing.begin(known, anna)
    run.refresh_from_db()
    signature.refresh_from_db()
    assert run.state == ScenarioRun.State.STALE
    assert not signature.counts and known.name in signature.stale_reason
    assert made.dropped["stale acceptance runs and signatures"] == 1


def test_a_production_account_is_never_refreshed(live, anna):
    with pytest.raises(ValidationError, match="no sandbox"):
        refreshing.begin(live, anna)
    assert not Refresh.objects.exists()


def test_the_guided_page_counts_asks_for_the_name_and_shows_progress(
    client, known, anna, netsuite, renew, drain
):
    client.force_login(anna)
    page = reverse("admin:integrations_refreshed", args=[known.pk])
    shown = client.get(page).content.decode()
    assert "What will happen" in shown and "cached look-up" in shown
    wrong = client.post(page, {"confirm": "x", "note": "Keep me"}).content.decode()
    assert "nothing was forgotten" in wrong and "Keep me" in wrong
    answer = client.post(page, {"confirm": known.name}, follow=True).content.decode()
    assert "Credentials needed" in answer
    resume = reverse("admin:integrations_connection_resume", args=[known.pk])
    assert "check the connection" in client.post(resume, follow=True).content.decode()
    known.refresh_from_db()
    assert known.state == Connection.State.REFRESHED
    renew()
    drain()
    done = client.get(
        reverse("admin:integrations_refresh_change", args=[Refresh.objects.get().pk])
    )
    assert "None: everything has the id it had." in done.content.decode()


def test_only_who_may_pause_may_note_a_refresh(client, known):
    reader = User.objects.create_user("rita", is_staff=True)
    reader.groups.add(Group.objects.get(name="Auditors"))
    client.force_login(reader)
    page = reverse("admin:integrations_refreshed", args=[known.pk])
    assert client.post(page, {"confirm": known.name}).status_code == 403
    assert not Refresh.objects.exists()


# Look-ups by name


def test_the_page_shows_each_name_once_with_every_account(
    client, known, live, anna, production, drain, django_assert_max_num_queries
):
    needs = [
        resolving.Need("shipItem", "name", "Express"),
        resolving.Need("term", "name", "Net 30"),
    ]
    resolving.enter(live, needs, "orders-live")
    drain()
    client.force_login(anna)
    page = reverse("admin:integrations_namedlookup_changelist")
    client.get(page)
    with django_assert_max_num_queries(16):
        shown = client.get(page).content.decode()
    there = {one["name"]: one["id"] for one in production.stored("shipItem")}
    assert f"<code>{there['Express']}</code>" in shown
    assert "Missing there" in shown and "not used there" in shown
    some = client.get(page, {"open": "1", "q": "Net 30"}).content.decode()
    assert "Net 30" in some and "DHL Express" not in some


def test_resolving_again_needs_the_right_and_finds_what_was_added(
    client, known, anna, netsuite, drain
):
    row = NamedLookup.objects.get(connection=known, value="Net 30")
    assert row.state == NamedLookup.State.MISSING
    netsuite.add_value("term", "Net 30")
    button = reverse("admin:integrations_namedlookup_resolve")
    reader = User.objects.create_user("rita", is_staff=True)
    reader.groups.add(Group.objects.get(name="Auditors"))
    client.force_login(reader)
    assert client.post(button, {"row": row.pk}).status_code == 403
    client.force_login(anna)
    client.post(button, {"row": row.pk, "system": "netsuite"})
    drain()
    row.refresh_from_db()
    assert row.is_good and row.asked_at


def test_what_no_document_uses_any_more_is_asked_no_more(known):
    resolving.enter(known, [], "shopify-order")
    resolving.enter(known, [], "shopify-customer")
    assert not NamedLookup.objects.filter(connection=known).exists()


def test_customers_are_no_names_of_a_document(known):
    assert not NamedLookup.objects.filter(record="customer").exists()
