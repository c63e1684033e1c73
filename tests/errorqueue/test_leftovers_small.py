"""Small things that were owed: clear refusals, hints, one name for one thing."""

import socket
import time
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from errorqueue import outgoing, people, wording
from errorqueue.admin.known_fixes import KeepForm
from errorqueue.admin.routing import RoutingRuleForm
from errorqueue.bulk.plan import money_of
from errorqueue.models import Cause, FailedRecord, Recipe, Tag
from integrations.sync.routes import in_words
from tests.errorqueue.pages import text_of

pytestmark = pytest.mark.django_db


def test_the_staff_are_those_who_may_use_the_console():
    User.objects.create_user("zoe", is_staff=True)
    User.objects.create_user("abe", is_staff=True)
    User.objects.create_user("gone", is_staff=True, is_active=False)
    User.objects.create_user("shopper")
    assert [one.username for one in people.staff()] == ["abe", "zoe"]


def test_sums_of_money_are_largest_first_and_never_added_up(make_line):
    assert wording.moneys({"EUR": "12.5", "JPY": "900", "USD": Decimal(0)}) == [
        "900 JPY",
        "12.50 EUR",
    ]
    make_line(amount=Decimal("10"), currency="EUR")
    make_line(amount=Decimal("700.25"), currency="USD")
    make_line(amount=Decimal("5"), currency="EUR")
    assert money_of(FailedRecord.objects.all()) == ["700.25 USD", "15.00 EUR"]


def test_an_unknown_owner_of_a_cause_is_refused_and_nothing_changes(
    admin_client, admin_user, make_line
):
    cause = make_line().cause
    own = f"/admin/errorqueue/cause/{cause.pk}/own/"
    admin_client.post(own, {"owner": str(admin_user.pk)})
    assert Cause.objects.get().owner == admin_user
    answer = admin_client.post(own, {"owner": "987654"}, follow=True)
    assert "Nobody who sees the error queue has that number" in text_of(answer)
    assert Cause.objects.get().owner == admin_user
    admin_client.post(own, {"owner": ""})
    assert Cause.objects.get().owner is None


def test_a_known_fix_without_values_cannot_mend_and_the_api_says_so(
    admin_client, admin_user, make_line
):
    line = make_line()
    recipe = Recipe.objects.create(
        name="Empty", cause=line.cause, verb=Recipe.Verb.MEND, steps={},
        words="Nothing yet.", author=admin_user, made_at=timezone.now(),
    )  # fmt: skip
    body = {
        "verb": "mend", "ids": [line.pk], "seen": 1, "newest": line.pk,
        "recipe": recipe.pk,
    }  # fmt: skip
    answer = admin_client.post(
        "/api/v1/bulk-runs/", body, content_type="application/json"
    )
    assert answer.status_code == 400, answer.content
    assert "sets no values" in answer.content.decode()
    line.refresh_from_db()
    assert line.status == FailedRecord.Status.FAILED


def test_the_time_of_a_known_fix_names_its_zone(make_line):
    with timezone.override("America/New_York"):
        form = KeepForm(make_line())
    assert "In the time zone America/New_York." in form.fields["expires_at"].help_text


def test_a_rule_says_where_tags_come_from_while_there_is_none():
    assert "There is no tag yet" in str(RoutingRuleForm().fields["tags"].help_text)
    Tag.objects.create(name="vip")
    assert "no tag yet" not in str(RoutingRuleForm().fields["tags"].help_text)


def test_a_name_that_is_never_resolved_holds_nobody_up(monkeypatch):
    def hangs(*args, **kwargs):
        time.sleep(3)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    monkeypatch.setattr(outgoing, "RESOLVE_SECONDS", 0.2)
    began = time.monotonic()
    with pytest.raises(outgoing.NotTaken, match="took too long"):
        outgoing.post("https://hooks.example.com/waybill", b"{}", {})
    assert time.monotonic() - began < 1.5


def test_what_is_missing_is_called_as_people_call_it():
    assert in_words("shipItem") == "shipping method"
    assert in_words("priceLevel") == "price level"
    assert in_words("customer") == "customer"
