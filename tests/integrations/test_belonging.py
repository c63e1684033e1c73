"""A connection stays with its account: nobody's records end up in other books."""

import pytest
from django.core.management import CommandError
from django.urls import reverse

from errorqueue.clock import database_time
from errorqueue.models import Alert
from integrations.models import AuditEntry, CachedLookup, Connection, Schedule, Token
from integrations.sync import accounts, belonging, schedules
from integrations.sync.addresses import base_url_problem
from tests.flows.conftest import configure
from tests.integrations.environments import *  # noqa: F403

pytestmark = pytest.mark.django_db(transaction=True)

State = Connection.State


@pytest.fixture
def shop(demo):
    return Connection.objects.get(slug="shopify")


def test_an_account_that_answers_as_itself_goes_on(demo, shop):
    assert belonging.look() == 0
    Connection.objects.filter(pk=shop.pk).update(account_id=shop.account_id.upper())
    assert belonging.look() == 0
    assert not Alert.objects.exists()


def test_another_account_is_stopped_told_once_and_goes_on_when_mended(
    demo, shop, shopify, monkeypatch
):
    own = shopify.store.shop
    monkeypatch.setattr(shopify.store, "shop", "other.myshopify.com")
    assert belonging.look() == 1
    shop.refresh_from_db()
    assert shop.state == State.PAUSED
    assert "answers as other.myshopify.com" in shop.state_reason
    alert = Alert.objects.get(closed_at=None)
    assert "Nothing is sent there now" in alert.text
    assert AuditEntry.objects.filter(verb="paused", subject_id=shop.pk).count() == 1
    assert belonging.look() == 0
    monkeypatch.setattr(shopify.store, "shop", own)
    accounts.resume(shop)
    assert belonging.look() == 0
    assert not Alert.objects.filter(closed_at=None).exists()


def test_an_account_that_does_not_answer_is_left_alone(demo, shop, shopify):
    shopify.fail_next(503, times=20)
    assert belonging.look() == 0
    shop.refresh_from_db()
    assert shop.state == State.READY


def test_it_is_asked_every_night(db):
    schedules.ensure_defaults()
    assert Schedule.objects.filter(job="whose", is_enabled=True).count() == 1


@pytest.mark.parametrize(
    ("system", "account", "address", "is_refused"),
    [
        ("netsuite", "123456_SB1", "https://123456.suitetalk.api.netsuite.com", True),
        (
            "netsuite",
            "123456_SB1",
            "https://123456-sb1.suitetalk.api.netsuite.com",
            False,
        ),
        ("netsuite", "123456_SB1", "https://gateway.example", False),
        ("shopify", "a.myshopify.com", "https://b.myshopify.com", True),
        ("shopify", "A.myshopify.com", "https://a.myshopify.com", False),
        ("netsuite", "", "https://123456.suitetalk.api.netsuite.com", False),
    ],
)
def test_a_vendors_address_must_be_that_of_the_account(
    system, account, address, is_refused
):
    one = Connection(system=system, account_id=account, base_url=address)
    assert ("another account" in base_url_problem(one)) is is_refused


def test_a_used_connection_keeps_its_account(
    client, admin_user, books, post_order, drain
):
    assert belonging.change_problem(books, "654321") == ""
    post_order(number=1)
    drain()
    assert "so it stays" in belonging.change_problem(books, "654321")
    assert belonging.change_problem(books, books.account_id.lower()) == ""
    client.force_login(admin_user)
    page = reverse("admin:integrations_connection_change", args=[books.pk])
    shown = client.post(page, {"account_id": "654321", "name": "x"}).content.decode()
    assert "Records refer to the account" in shown
    books.refresh_from_db()
    assert books.account_id != "654321"


def test_a_file_does_not_turn_a_used_connection_into_another_account(
    books, post_order, drain
):
    post_order(number=1)
    drain()
    Connection.objects.filter(pk=books.pk).update(account_id="654321")
    with pytest.raises(CommandError, match="so it stays"):
        configure("roles.yaml", "mappings.yaml", "demo.yaml")


def test_another_address_drops_the_ids_that_the_old_one_gave(
    client, admin_user, books, post_order, drain
):
    post_order(number=1)
    drain()
    page = reverse("admin:integrations_connection_change", args=[books.pk])
    client.force_login(admin_user)
    assert CachedLookup.objects.filter(connection=books).exists()
    form = client.get(page).context["adminform"].form
    sent = {
        name: form[name].value() or ""
        for name in form.fields
        if not name.startswith(("credential", "forget"))
    }
    sent |= {"base_url": "http://elsewhere.test"}
    Token.objects.update_or_create(
        connection=books, defaults={"expires_at": database_time()}
    )
    answer = client.post(page, sent)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    assert not CachedLookup.objects.filter(connection=books).exists()
    assert not Token.objects.filter(connection=books).exists()
