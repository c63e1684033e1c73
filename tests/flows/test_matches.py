"""Both sides laid beside each other before the first sync of products."""

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from errorqueue.models import FailedRecord
from integrations.admin.match_page import as_csv, context_of
from integrations.models import Flow, Link, Match, MatchItem, SyncRecord
from integrations.sync.matching import asking
from tests.flows.conftest import configure

pytestmark = pytest.mark.django_db(transaction=True)
FLOW = "netsuite-products"
Verdict = MatchItem.Verdict


@pytest.fixture
def flow(demo) -> Flow:
    configure("flows/netsuite-products.yaml")
    Flow.objects.filter(slug=FLOW).update(is_enabled=False)
    return Flow.objects.select_related("source", "target").get(slug=FLOW)


@pytest.fixture
def anna(flow) -> User:
    return User.objects.create_superuser("anna")


@pytest.fixture
def looked(flow, anna, drain):
    def look() -> Match:
        match = asking.look(flow, anna)
        drain()
        match.refresh_from_db()
        assert match.state == Match.State.READY, match.note
        return match

    return look


def verdicts(match: Match) -> dict[str, str]:
    items = match.items.exclude(side="target", verdict=Verdict.PAIRED)
    return {one.sku: one.verdict for one in items}


def test_pairs_conflicts_and_orphans_are_found(netsuite, shopify, looked):
    netsuite.add_item("CUP-01", upc="555")
    shopify.add_product("TIN-CUP", "Tin cup", "3.00")
    shopify.change_product("TIN-CUP", barcode="555")
    shopify.add_product("MUG-BLUE", "Copy", "1.00")
    netsuite.add_item("ONLY-HERE")
    found = verdicts(looked())
    assert found["TENT-2P"] == Verdict.SKU and found["CUP-01"] == Verdict.BARCODE
    assert found["ONLY-HERE"] == Verdict.NEW and found["HAMMOCK-XL"] == Verdict.ALONE
    assert found["MUG-BLUE"] == Verdict.TWICE_THERE
    assert not SyncRecord.objects.exists() and not Link.objects.exists()


def test_linked_pairs_are_changed_by_the_first_sync_and_nothing_is_doubled(
    netsuite, shopify, looked, anna, flow, drain
):
    netsuite.add_item("CUP-01", name="Cup", upc="555")
    shopify.add_product("TIN-CUP", "Tin cup", "3.00")
    shopify.change_product("TIN-CUP", barcode="555")
    match = looked()
    asking.link(match, Verdict.BARCODE, None, anna)
    drain()
    match.refresh_from_db()
    assert match.state == Match.State.READY
    [variant] = [one for one in shopify.store.variants if one.sku == "TIN-CUP"]
    product = shopify.store.products[variant.product_id]
    assert Link.objects.get().target_id == product.gid
    assert SyncRecord.objects.get().state == "waiting"
    Flow.objects.filter(pk=flow.pk).update(is_enabled=True, polled_at=None)
    drain()
    assert variant.sku == "CUP-01" and product.title == "Tin cup"
    assert len(shopify.store.products) == 9
    assert not FailedRecord.objects.exists()
    again = looked()
    assert verdicts(again)["CUP-01"] == Verdict.PAIRED


def test_only_the_ticked_pairs_are_linked(looked, anna, drain):
    match = looked()
    tent = match.items.get(side="source", sku="TENT-2P")
    assert asking.link(match, Verdict.SKU, [tent.pk], anna) == 1
    drain()
    record = SyncRecord.objects.get()
    assert record.source_key == tent.key and record.is_paired
    match.refresh_from_db()
    with pytest.raises(asking.NotAsked, match="Tick at least one"):
        asking.link(match, Verdict.SKU, [tent.pk], anna)
    with pytest.raises(asking.NotAsked, match="proposed"):
        asking.link(match, Verdict.NEW, None, anna)


def test_a_look_at_a_time_and_cancelling(flow, anna, drain):
    match = asking.look(flow, anna)
    with pytest.raises(asking.NotAsked, match="under way"):
        asking.look(flow, anna)
    asking.cancel(match, anna)
    drain()
    assert not match.items.exists()
    asking.look(flow, anna)


def test_an_outage_makes_it_wait_and_it_goes_on_where_it_was(
    netsuite, flow, anna, drain
):
    match = asking.look(flow, anna)
    netsuite.fail_next(503, path="suiteql")
    drain()
    match.refresh_from_db()
    assert match.state == Match.State.SOURCE and match.note
    Match.objects.update(try_at=match.made_at)
    drain()
    match.refresh_from_db()
    assert match.state == Match.State.READY and not match.note


def test_the_page_shows_links_and_exports(client, looked, anna):
    match = looked()
    client.force_login(anna)
    address = f"/admin/integrations/match/{match.pk}/"
    body = client.get(f"{address}change/?show=sku").content.decode()
    assert "TENT-2P" in body and "Link the ticked pairs" in body
    assert "HAMMOCK-XL" in client.get(f"{address}change/?show=alone").content.decode()
    file = client.get(f"{address}csv/").content.decode("utf-8-sig")
    assert "Same SKU,TENT-2P" in file and "HAMMOCK-XL" in file
    assert client.get(f"{address}progress/").json()["is_moving"] is False
    client.post(f"{address}link/", {"verdict": "sku", "all": "1"})
    assert match.items.filter(is_chosen=True).count() == 6


def test_who_has_no_right_reads_and_links_nothing(client, looked):
    match = looked()
    client.force_login(User.objects.create_user("bob", is_staff=True))
    address = f"/admin/integrations/match/{match.pk}/"
    assert client.get(f"{address}change/").status_code == 403
    assert client.get(f"{address}csv/").status_code == 403
    assert client.post(f"{address}link/", {"verdict": "sku"}).status_code == 403
    assert client.get("/admin/integrations/match/add/").status_code == 403


def test_a_page_of_20_000_costs_what_one_of_ten_costs(flow, anna):
    few, many = (
        Match.objects.create(flow=flow, state="ready", made_at=anna.date_joined)
        for _ in range(2)
    )
    for match, number in ((few, 10), (many, 20_000)):
        MatchItem.objects.bulk_create(
            MatchItem(
                match=match,
                side=side,
                key=str(one),
                part=str(one),
                sku=f"S-{one}",
                verdict=Verdict.NEW if side == "source" else Verdict.ALONE,
            )
            for one in range(number // 2)
            for side in ("source", "target")
        )
    costs = []
    for match in (few, many):
        with CaptureQueriesContext(connection) as seen:
            told = context_of(match, {"show": "new"})
            rows = [(row.ours.sku, row.there) for row in told["rows"]]
        costs.append(len(seen))
        assert len(rows) == min(100, match.items.count() // 2)
    assert costs[0] == costs[1] <= 6
    assert len(as_csv(many).splitlines()) == 20_001
