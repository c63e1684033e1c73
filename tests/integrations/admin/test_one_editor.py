"""Two people at one form: whoever saves second is told first."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from integrations.models import Connection, Entity
from mappings.models import MappingDocument, Scenario

pytestmark = pytest.mark.django_db

READABLE = {"id": 7, "admin_graphql_api_id": "gid://shopify/Order/7"}
REFUSED = "Somebody changed this since you opened it"


def make(kind):
    if kind is Entity:
        ends = {"source": "shopify", "target": "netsuite", "entity": "order"}
        return Entity.objects.create(
            name="Orders", slug="orders", system_of_record="shopify", **ends
        )
    ends = {"source_system": "shopify", "source_entity": "order"}
    if kind is Scenario:
        words = {"what": "One order", "expected": "One sales order"}
        Connection.objects.create(
            name="Shop", slug="shop", system="shopify", account_id="a.myshopify.com"
        )
        return Scenario.objects.create(
            name="Own", slug="own", group="own", source=READABLE, **words, **ends
        )
    more = {"target_system": "netsuite", "target_record": "salesOrder"}
    return MappingDocument.objects.create(name="Orders", slug="orders", **ends, **more)


@pytest.fixture(params=[Entity, Scenario, MappingDocument])
def made(request, db):
    return make(request.param)


@pytest.fixture
def people(db):
    """Two people who may change everything, each with their own browser."""
    found = []
    for name in ("anna", "ben"):
        client = Client()
        client.force_login(User.objects.create_superuser(name))
        found.append(client)
    return found


def address(made):
    opts = made._meta
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[made.pk])


def opened(client, made):
    """Return what the form of a page would send if nothing were touched."""
    form = client.get(address(made)).context["adminform"].form
    given = {name: form[name].value() for name in form.fields}
    return {
        name: one for name, one in given.items() if one is not None and one is not False
    }


def save(client, made, given):
    return client.post(address(made), given, follow=True)


def test_the_second_to_save_is_told_what_stands_and_may_then_write_over_it(
    people, made
):
    anna, ben = people
    hers, his = opened(anna, made), opened(ben, made)
    assert REFUSED not in save(anna, made, {**hers, "name": "By Anna"}).content.decode()
    answer = save(ben, made, {**his, "name": "By Ben"})
    shown = answer.content.decode()
    assert REFUSED in shown and "which now holds “By Anna”" in shown
    made.refresh_from_db()
    assert made.name == "By Anna"
    again = answer.context["adminform"].form["seen"].value()
    save(ben, made, {**his, "name": "By Ben", "seen": again})
    made.refresh_from_db()
    assert made.name == "By Ben"


def test_one_person_saves_as_often_as_they_like(people, made):
    anna, _ = people
    for name in ("One", "Two"):
        answer = save(anna, made, {**opened(anna, made), "name": name})
        assert REFUSED not in answer.content.decode()
        made.refresh_from_db()
        assert made.name == name


@pytest.mark.parametrize("odd", ["", "[]", "no json", "7"])
def test_a_page_that_tells_nothing_of_what_it_saw_is_saved_as_before(people, made, odd):
    anna, _ = people
    save(anna, made, {**opened(anna, made), "name": "New", "seen": odd})
    made.refresh_from_db()
    assert made.name == "New"


def test_what_the_form_does_not_show_is_named_without_its_content(people):
    made = make(Scenario)
    anna, _ = people
    hers = opened(anna, made)
    Scenario.objects.filter(pk=made.pk).update(source={"email": "ada@example.com"})
    shown = save(anna, made, {**hers, "name": "New"}).content.decode()
    assert REFUSED in shown and "ada@example.com" not in shown.partition("<form")[0]
