"""Routing rules and tags in the console."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from errorqueue import routing
from errorqueue.models import RoutingRule, Tag
from tests.errorqueue.pages import text_of

RULES = "/admin/errorqueue/routingrule/"
TAGS = "/admin/errorqueue/tag/"


@pytest.fixture
def olga(make_person):
    return make_person("olga", "view")


@pytest.fixture
def admin_of(make_person, browser_of):
    def log_in(*codes):
        person = make_person("ines", "view")
        rights = Permission.objects.filter(codename__in=codes)
        person.user_permissions.add(*rights)
        return browser_of(person)

    return log_in


@pytest.fixture
def chief(admin_of):
    names = ("view", "add", "change", "delete")
    return admin_of(*(f"{one}_{it}" for one in names for it in ("routingrule", "tag")))


def filled(**changes):
    values = {
        "name": "Large orders",
        "order": "10",
        "is_active": "on",
        "kind": "",
        "flow": "",
        "entity": "",
        "field": "",
        "cause": "",
        "min_amount": "",
        "assign_to": "",
        "due_hours": "",
    }
    return {**values, **changes}


def test_a_rule_reads_as_a_sentence(olga):
    rule = RoutingRule.objects.create(
        name="Large",
        kind="data",
        flow="Orders to NetSuite",
        min_amount=Decimal(500),
        assign_to=olga,
        due_hours=Decimal(4),
    )
    assert routing.sentence(rule) == (
        "Data failures of Orders to NetSuite of 500 or more go to olga and are due "
        "in 4 h."
    )


def test_every_condition_is_in_the_sentence(olga, make_line):
    cause = make_line().cause
    rule = RoutingRule.objects.create(
        name="All",
        entity="order",
        field="shipping",
        cause=cause,
        min_amount=Decimal("1234.5"),
        due_hours=Decimal("0.25"),
    )
    rule.tags.add(Tag.objects.create(name="vip"), Tag.objects.create(name="late"))
    assert routing.sentence(rule) == (
        "All failures about order records at fields that begin with shipping with "
        f"{cause.human_id} “{cause}” of 1,234.5 or more are due in 0.25 h and are "
        "tagged late, vip."
    )
    bare = RoutingRule.objects.create(name="Bare")
    assert "get nothing: give them a person" in routing.sentence(bare)


def test_a_rule_is_made_in_the_console_and_used_at_once(chief, olga, make_line):
    data = filled(kind="data", assign_to=olga.pk, due_hours="4", min_amount="500")
    answer = chief.post(f"{RULES}add/", data, follow=True)
    assert "Data failures of 500 or more go to olga and are due in 4 h." in text_of(
        answer
    )
    line = make_line()
    assert line.assignee == olga
    assert (line.due_at - line.first_failed_at).total_seconds() > 4 * 3600


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "This rule gives nothing: choose a person, a due time, or tags"),
        ({"due_hours": "0"}, "Write hours from 0.25 to 2,160"),
        ({"due_hours": "9999"}, "Write hours from 0.25 to 2,160"),
        ({"due_hours": "1", "min_amount": "-1"}, "Write an amount of 0 or more"),
        ({"due_hours": "soon"}, "Enter a number"),
        ({"assign_to": "999", "due_hours": "1"}, "Select a valid choice"),
    ],
)
def test_each_mistake_is_told_and_nothing_is_saved(chief, changes, told):
    assert told in text_of(chief.post(f"{RULES}add/", filled(**changes)))
    assert not RoutingRule.objects.exists()


def test_known_flows_are_offered_while_typing(chief, make_line):
    make_line()
    page = chief.get(f"{RULES}add/").content.decode()
    assert 'list="flow_known"' in page
    assert '<option value="Orders to NetSuite"></option>' in page


def test_who_may_only_view_rules_changes_none(admin_of):
    rule = RoutingRule.objects.create(name="Large", due_hours=4)
    reader = admin_of("view_routingrule", "view_tag")
    assert "are due in 4 h" in text_of(reader.get(RULES))
    assert reader.get(f"{RULES}{rule.pk}/change/").status_code == 200
    for address in (f"{RULES}add/", f"{RULES}{rule.pk}/change/", f"{TAGS}add/"):
        assert reader.post(address, filled(name="x")).status_code == 403
    assert RoutingRule.objects.get().name == "Large"


def test_strangers_to_the_rules_see_nothing(admin_of):
    stranger = admin_of()
    for address in (RULES, TAGS):
        assert stranger.get(address).status_code == 403


def test_the_list_costs_the_same_for_one_rule_and_for_twenty(chief, olga):
    def cost() -> int:
        chief.get(RULES)
        with CaptureQueriesContext(connection) as queries:
            chief.get(RULES)
        return len(queries)

    RoutingRule.objects.create(name="r", assign_to=olga)
    before = cost()
    for number in range(20):
        rule = RoutingRule.objects.create(name=f"r{number}", assign_to=olga)
        rule.tags.add(Tag.objects.create(name=f"t{number}"))
    assert cost() <= before


def test_tags_are_written_in_small_letters_and_lead_to_their_lines(chief):
    chief.post(f"{TAGS}add/", {"name": "Black Friday"})
    assert Tag.objects.get().name == "black-friday"
    assert "tab=all&amp;q=tag%3Ablack-friday" in chief.get(TAGS).content.decode()
    assert "Use letters, digits" in text_of(chief.post(f"{TAGS}add/", {"name": "§"}))
    again = chief.post(f"{TAGS}add/", {"name": "BLACK friday"})
    assert "already exists" in text_of(again)
    assert Tag.objects.count() == 1
