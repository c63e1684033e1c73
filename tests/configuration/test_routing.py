"""Routing rules of the error queue in a file."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission, User

from errorqueue.models import RoutingRule, Team
from integrations.configuration.export import export_text
from tests.configuration.conftest import SHOP
from tests.configuration.test_shipped import SHIPPED

RULES = """
routing:
  - name: Large orders
    order: 5
    kind: data
    flow: Orders to NetSuite
    entity: order
    min_amount: 500
    assign_to: olga
    due_hours: 2.5
    tags: [large, vip]
  - {name: The rest, due_hours: 24}
"""


@pytest.fixture
def olga(db):
    person = User.objects.create_user("olga", is_staff=True)
    person.user_permissions.add(Permission.objects.get(codename="view_failedrecord"))
    return person


def test_rules_are_entered_and_a_second_run_changes_nothing(run, olga):
    outcome = run(SHOP + RULES)
    rule = RoutingRule.objects.get(name="Large orders")
    assert (rule.kind, rule.flow, rule.entity) == (
        "data",
        "Orders to NetSuite",
        "order",
    )
    assert (rule.min_amount, rule.due_hours) == (Decimal(500), Decimal("2.5"))
    assert rule.assign_to == olga
    assert sorted(tag.name for tag in rule.tags.all()) == ["large", "vip"]
    assert "routing rule Large orders: created" in outcome.changes
    assert run(SHOP + RULES).changes == []


def test_hours_are_counted_in_the_time_of_a_team_that_there_is(run, db, problems):
    rules = "routing: [{name: Orders, due_hours: 4, team: Operations}]\n"
    [said] = problems(rules)
    assert "There is no team “Operations” in the files or in the console." in said
    team = Team.objects.create(name="Operations")
    run(rules)
    assert RoutingRule.objects.get().team == team
    assert run(rules).changes == []
    assert "team: Operations" in export_text()


def test_what_differs_is_changed_and_said(run, olga):
    run(SHOP + RULES)
    other = RULES.replace("2.5", "4").replace("[large, vip]", "[]")
    said = run(SHOP + other.replace("assign_to: olga", 'assign_to: ""')).changes
    assert said == [
        "routing rule Large orders: due_hours 2.50 → 4",
        "routing rule Large orders: assign_to olga → empty",
        "routing rule Large orders: tags: none",
    ]


def test_the_export_enters_the_same_rules(run, olga):
    run(SHOP + RULES)
    exported = export_text()
    assert "due_hours: '2.5'" in exported
    RoutingRule.objects.all().delete()
    run("routing:" + exported.partition("routing:")[2])
    assert export_text() == exported


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (
            "olga",
            "olaf",
            "Nobody with the name “olaf” works on the error queue. Did you",
        ),
        ("flow: Orders to NetSuite", "flow: Order", "There is no flow “Order”"),
        ("due_hours: 24", "order: 3", "This rule gives nothing."),
        ("due_hours: 24", "due_hours: 0", "A due time is more than 0 hours."),
        ("due_hours: 24", "due_hours: soon", "“soon” cannot stand here."),
        ("kind: data", "kind: date", "“date” is not known. Did you mean data?"),
        ("The rest", "Large orders", "This name stands at"),
    ],
)
def test_each_mistake_is_named_with_its_place(problems, olga, before, after, told):
    assert before in RULES
    found = problems(SHOP + RULES.replace(before, after, 1))
    assert any(told in one for one in found), found
    assert not RoutingRule.objects.exists()


def test_the_shipped_due_times(run, db):
    run((SHIPPED / "routing.yaml").read_text())
    hours = {
        (rule.kind, rule.entity): rule.due_hours for rule in RoutingRule.objects.all()
    }
    assert hours == {
        ("access", ""): 1,
        ("data", "order"): 4,
        ("data", ""): 24,
        ("mapping", ""): 8,
        ("conflict", ""): 8,
        ("internal", ""): 4,
    }
