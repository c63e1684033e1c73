"""F92: one customer's personal data is erased, and the books still add up."""

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from errorqueue import people
from errorqueue.models import FailedRecord
from integrations.models import AuditEntry, InboxEvent, SyncRecord
from tests.errorqueue.pages import text_of
from tests.flows.test_orders import post_order
from tests.flows.test_protocol import order_of

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

State = SyncRecord.State
URL = "/admin/integrations/erase/"
CANARIES = ("Zebulon", "Quackenbush", "zeb@canary.example", "Canary Lane", "555-0173")


@pytest.fixture
def ada(db):
    return User.objects.create_superuser("ada")


@pytest.fixture
def browser(ada):
    client = Client()
    client.force_login(ada)
    return client


@pytest.fixture
def canary(post_order):
    """Place an order of a person whose every trace can be searched for."""

    def place(number, **changes):
        address = {
            "first_name": "Zebulon",
            "last_name": "Quackenbush",
            "name": "Zebulon Quackenbush",
            "address1": "7 Canary Lane",
            "address2": "",
            "phone": "555-0173",
            "city": "Portland",
            "zip": "97201",
            "province": "Oregon",
            "province_code": "OR",
            "country": "United States",
            "country_code": "US",
            "company": None,
        }
        customer = {
            "id": 990000,
            "admin_graphql_api_id": "gid://shopify/Customer/990000",
            "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-01T00:00:00Z",
            "email": "zeb@canary.example",
            "first_name": "Zebulon",
            "last_name": "Quackenbush",
            "phone": None,
            "default_address": address,
        }
        return post_order(
            number=number,
            email="zeb@canary.example",
            customer=customer,
            shipping_address=address,
            billing_address=address,
            **changes,
        )

    return place


def dump() -> dict[str, str]:
    """Return every table of the database as text."""
    found = {}
    for model in apps.get_models():
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {model._meta.db_table}")  # noqa: S608
            rows = [
                [bytes(one) if isinstance(one, memoryview) else one for one in row]
                for row in cursor.fetchall()
            ]
            found[model._meta.db_table] = repr(rows)
    return found


def traces_of(words=CANARIES) -> list[tuple[str, str]]:
    tables = dump().items()
    return [
        (name, word)
        for name, text in tables
        for word in words
        if word.casefold() in text.casefold()
    ]


def erase(browser, word, **more):
    return browser.post(URL, {"q": word, "reason": "DSR-12", **more}, follow=True)


def test_f92_the_person_is_gone_from_the_whole_database_and_the_books_add_up(
    canary, post_order, netsuite, drain, let_pass, browser, ada
):
    post_order(number=1)
    netsuite.fail_next(503, path="salesOrder")
    canary(2)
    drain()
    let_pass(30)
    drain()
    canary(3, lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 2)])
    drain()
    line = FailedRecord.objects.open().get()
    people.comment(line, "Zebulon Quackenbush rang twice.", ada)
    before = {one.pk: (one.amount, one.currency) for one in SyncRecord.objects.all()}
    others = order_of(1).source
    assert {word for _, word in traces_of()} == set(CANARIES)

    shown = text_of(browser.get(URL, {"q": "zeb@canary.example"}))
    assert "Records 3" in shown, "two orders and their customer"
    assert "1 of them is not settled" in shown
    assert traces_of(), "looking erases nothing"

    refused = text_of(erase(browser, "zeb@canary.example"))
    assert "1 records of this customer are not settled" in refused
    assert traces_of(), "nothing went half way"

    done = text_of(erase(browser, "zeb@canary.example", with_unsettled="on"))
    assert "The personal data of 3 records was erased." in done
    assert traces_of() == []
    after = {one.pk: (one.amount, one.currency) for one in SyncRecord.objects.all()}
    assert after == before
    assert order_of(2).state == State.DELIVERED and order_of(2).target_id
    assert order_of(3).state == State.EXCLUDED
    assert order_of(1).source == others, "nobody else lost anything"
    line.refresh_from_db()
    assert (line.status, line.human_id) == ("excluded", f"ERR-{line.pk}")


def test_f92_the_trail_says_that_it_was_done_by_whom_and_nothing_personal(
    canary, drain, browser, ada
):
    canary(2)
    drain()
    erase(browser, "#2")
    told = AuditEntry.objects.filter(verb="erased")
    assert {one.by for one in told} == {ada} and told.count() == 2
    assert {one.detail for one in told} == {"on request DSR-12"}
    page = f"/admin/integrations/syncrecord/{order_of(2).pk}/change/"
    assert "Payload removed on request DSR-12" in text_of(browser.get(page))


def test_f92_the_address_as_reason_is_refused(canary, drain, browser):
    canary(2)
    drain()
    answer = browser.post(URL, {"q": "#2", "reason": "for zeb@canary.example"})
    assert "name the request" in text_of(answer)
    assert order_of(2).source


def test_f92_what_is_being_sent_is_waited_for(canary, drain, browser):
    canary(2)
    drain()
    SyncRecord.objects.filter(label="#2").update(state=State.RUNNING)
    assert "being sent" in text_of(erase(browser, "#2", with_unsettled="on"))
    assert order_of(2).source


def test_f92_a_delivery_that_could_not_be_read_is_emptied_as_well(
    demo, shopify, drain, browser
):
    body = {"id": "no order", "email": "zeb@canary.example", "note": "Zebulon"}
    shopify.webhooks.fire("orders/create", body, "e-1")
    shopify.deliver_due()
    drain()
    event = InboxEvent.objects.get()
    assert event.state == InboxEvent.State.QUARANTINED
    answer = erase(browser, "zeb@canary.example")
    event.refresh_from_db()
    assert event.raw == b"", text_of(answer)
    assert not FailedRecord.objects.open().exists()
    assert traces_of(("Zebulon", "zeb@canary.example")) == []


def test_an_unknown_customer_is_said_to_be_unknown(demo, browser):
    assert "Nothing is known" in text_of(browser.get(URL, {"q": "nobody@example.com"}))
    assert "Nothing is known" in text_of(erase(browser, "nobody@example.com"))


def test_only_who_may_erase_sees_the_page(demo, db):
    olga = User.objects.create_user("olga", is_staff=True)
    client = Client()
    client.force_login(olga)
    assert client.get(URL).status_code == 403
    assert client.post(URL, {"q": "#2", "reason": "x"}).status_code == 403
