"""Customers read behind the place reached before, each as a record of its own."""

from datetime import timedelta

import pytest

from integrations.connectors.errors import UnreadablePayload
from integrations.connectors.netsuite import places, suiteql
from tests.connectors.netsuite import test_simulated
from tests.connectors.netsuite.test_simulated import connector

vendor = test_simulated.vendor


@pytest.fixture
def netsuite(vendor):
    """An account with three customers who were saved in one second."""
    second = vendor.now().replace(microsecond=0)
    for name in ("Ada", "Grace", "Joan"):
        key = vendor.add_customer(
            firstName=name, lastName="Doe", email=f"{name.lower()}@example.com"
        )
        saved(vendor, key, second)
    vendor.add_customer(companyName="Nobody can know them")
    return vendor


def saved(account, key, at):
    customer = account.store.records["customer"][key]
    customer.modified_at = at
    account.store.put(customer)


def read(since=""):
    return list(connector().changes("customer", since))


def names(found):
    return [one.payload["firstName"] for one, _ in found]


@pytest.mark.parametrize("page", [1, 2, 3, 1000])
def test_customers_of_one_second_are_read_once_each(netsuite, monkeypatch, page):
    monkeypatch.setattr(suiteql, "PAGE", page)
    found = read()
    assert names(found) == ["Ada", "Grace", "Joan"]
    rest = connector().rest("customer", found[-1][1])
    assert names(read(rest)) == ["Ada", "Grace", "Joan"]
    for place, (_, cursor) in enumerate(found):
        assert names(read(cursor)) == names(found)[place + 1 :]


def test_what_was_saved_long_before_is_not_read_each_time(netsuite):
    [known] = [x for x in netsuite.stored("customer") if x.get("firstName") == "Ada"]
    saved(netsuite, known["id"], netsuite.now() - timedelta(hours=2))
    rest = connector().rest("customer", read()[-1][1])
    assert names(read(rest)) == ["Grace", "Joan"]
    yesterday = str(places.Place("new", "2026-01-01", places.read(rest).mark))
    assert names(read(yesterday)) == ["Ada", "Grace", "Joan"]


def test_a_save_that_changes_nothing_is_no_new_content(netsuite):
    before, _ = read()[0]
    saved(netsuite, before.key, netsuite.now() + timedelta(seconds=3))
    after = connector().fetch("customer", before.key)
    assert after.payload == before.payload
    assert after.changed_at > before.changed_at
    assert (after.label, after.email) == ("Ada Doe", "ada@example.com")


def test_a_customer_without_an_id_cannot_be_read(netsuite):
    with pytest.raises(UnreadablePayload, match="no id"):
        connector().source_object("customer", {})
