"""What NetSuite owns of customers, in the shop: no echo, no second customer."""

import pytest

from errorqueue.models import FailedRecord
from integrations.models import Flow, SyncRecord
from tests.flows.conftest import configure

pytestmark = pytest.mark.django_db(transaction=True)

SLUG = "netsuite-customers"
UPDATE = "WaybillCustomerUpdate"
State = SyncRecord.State


@pytest.fixture
def back(demo, netsuite):
    """The flow as it comes, and a price level to belong to."""
    configure("flows/netsuite-customers.yaml")
    netsuite.add_price_level("Wholesale")


@pytest.fixture
def settle(back, shopify, drain):
    """Let both sides tell what changed, and deliver, until nothing moves."""

    def all_of_it(rounds: int = 3) -> None:
        for _ in range(rounds):
            Flow.objects.filter(slug=SLUG).update(polled_at=None)
            shopify.deliver_due()
            drain()

    return all_of_it


@pytest.fixture
def ada(back, shopify, settle) -> str:
    """A customer of the shop whom NetSuite knows by now; returns the shop's id."""
    made = shopify.create_customer("ada@example.com", first_name="Ada")
    settle(2)
    return str(made["id"])


def change_there(netsuite, **fields) -> None:
    [known] = netsuite.store.records["customer"].values()
    netsuite.change("customer", known.id, **fields)


def level(netsuite, name: str) -> dict:
    return {"priceLevel": {"id": netsuite._named("priceLevel", name)}}


def here(shopify, key: str) -> dict:
    return shopify.store.find_customer(key)


def writes(shopify) -> list[str]:
    return [one.request for one in shopify.journal if UPDATE in one.request]


def record() -> SyncRecord:
    return SyncRecord.objects.get(flow__slug=SLUG)


def test_tax_and_price_level_reach_the_customer_of_the_shop(
    ada, netsuite, shopify, settle
):
    shopify.store.tags[ada] = ["VIP"]
    change_there(netsuite, taxable=False, **level(netsuite, "Wholesale"))
    settle()
    assert here(shopify, ada)["tax_exempt"] is True
    assert shopify.store.tags[ada] == ["Price level: Wholesale", "VIP"]
    assert len(writes(shopify)) == 1
    assert record().target_id == ada
    assert not FailedRecord.objects.exists()


def test_a_level_that_was_taken_away_takes_its_tag_and_no_other(
    ada, netsuite, shopify, settle
):
    change_there(netsuite, **level(netsuite, "Wholesale"))
    settle()
    shopify.store.tags[ada].append("VIP")
    change_there(netsuite, priceLevel=None)
    settle()
    assert shopify.store.tags[ada] == ["VIP"]
    change_there(netsuite, taxable=False)
    settle()
    assert shopify.store.tags[ada] == ["VIP"]


def test_round_and_round_nothing_more_is_asked(ada, netsuite, shopify, settle):
    change_there(netsuite, taxable=False)
    settle()
    known, asked = len(netsuite.stored("customer")), len(writes(shopify))
    to_shop = len(shopify.journal)
    saved = netsuite.store.records["customer"][record().source_key].modified_at
    settle(3)
    assert (known, asked) == (1, 1)
    assert shopify.journal[to_shop:] == []
    assert netsuite.store.records["customer"][record().source_key].modified_at == saved


def test_what_the_shop_changed_goes_there_and_does_not_come_back(
    ada, netsuite, shopify, settle
):
    change_there(netsuite, taxable=False)
    settle()
    shopify.update_customer(ada, first_name="Augusta", note="called twice")
    settle(3)
    [there] = netsuite.stored("customer")
    assert there["firstName"] == "Augusta"
    assert len(writes(shopify)) == 1
    assert here(shopify, ada)["note"] == "called twice"


def test_what_netsuite_does_not_own_is_not_sent(ada, netsuite, shopify, settle):
    before = dict(here(shopify, ada))
    change_there(netsuite, comments="mended there", phone="555-555-0199")
    settle()
    assert writes(shopify) == []
    assert here(shopify, ada)["note"] == before["note"]
    assert here(shopify, ada)["phone"] == before["phone"]


def test_f30_an_answer_that_was_lost_leads_to_no_second_write(
    ada, netsuite, shopify, settle, let_pass
):
    change_there(netsuite, taxable=False)
    shopify.fail_as("INTERNAL_SERVER_ERROR", operation=UPDATE, after=True)
    settle(1)
    assert len(writes(shopify)) == 1
    let_pass(10)
    settle(1)
    assert here(shopify, ada)["tax_exempt"] is True
    assert len(writes(shopify)) == 1
    assert not FailedRecord.objects.open().exists()


def test_who_was_born_in_netsuite_is_kept_out_by_name(netsuite, shopify, settle):
    netsuite.add_customer(companyName="Wholesale Ltd", email="buyer@example.com")
    settle(1)
    assert record().state == State.EXCLUDED
    assert "no external id" in record().exclusion
    assert not shopify.store.customers


def known_elsewhere(netsuite, email: str) -> None:
    netsuite.add_customer(
        firstName="Grace", lastName="Hopper", email=email,
        externalId="other-shop-customer-17", taxable=False,
    )  # fmt: skip


def test_who_is_found_by_e_mail_once_is_changed_and_not_doubled(
    netsuite, shopify, settle
):
    Flow.objects.filter(slug="shopify-customers").update(is_enabled=False)
    made = shopify.create_customer("grace@example.com", first_name="Grace")
    known_elsewhere(netsuite, "Grace@Example.com")
    settle(1)
    assert here(shopify, str(made["id"]))["tax_exempt"] is True
    assert len(shopify.store.customers) == 1


def test_who_is_not_in_the_shop_is_named_and_never_created(netsuite, shopify, settle):
    known_elsewhere(netsuite, "grace@example.com")
    settle(1)
    line = FailedRecord.objects.open().get()
    assert "No customer of the shop has the e-mail address" in line.why
    assert not shopify.store.customers


def test_of_two_with_one_address_none_is_chosen(netsuite, shopify, settle):
    Flow.objects.filter(slug="shopify-customers").update(is_enabled=False)
    made = [
        shopify.create_customer(f"{name}@example.com", first_name=name)
        for name in ("grace", "other")
    ]
    shopify.store.customers[str(made[1]["id"])]["email"] = "grace@example.com"
    known_elsewhere(netsuite, "grace@example.com")
    settle(1)
    line = FailedRecord.objects.open().get()
    assert all(str(one["id"]) in line.why for one in made)
    assert writes(shopify) == []


def test_a_customer_who_is_gone_from_the_shop_is_not_made_again(
    ada, netsuite, shopify, settle
):
    del shopify.store.customers[ada]
    change_there(netsuite, taxable=False)
    settle(1)
    assert f"no customer {ada}" in FailedRecord.objects.open().get().why
    assert not shopify.store.customers
