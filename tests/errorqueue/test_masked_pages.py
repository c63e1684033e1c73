"""Whoever may not see personal fields reads none on any page of a line."""

import json
from dataclasses import replace

import pytest
from django.contrib.auth.models import Permission

from errorqueue import preflight, recipes, services
from errorqueue.failures import FailureKind, FieldProblem, Light, Preflight
from errorqueue.fingerprint import fingerprint
from errorqueue.models import FailedRecord
from tests.errorqueue.conftest import failure
from tests.errorqueue.pages import page_of

SECRETS = ("jane@example.com", "+44 20 7946 0018", "10 Downing Street")
SOURCE = {
    "name": "#1042",
    "email": "jane@example.com",
    "shipping_address": {"address1": "10 Downing Street", "phone": "+44 20 7946 0018"},
}


def test_f92_personal_fields_are_hidden_on_the_page_and_beside_each_other(
    auditor, operator, make_line, add_try, bench, olga
):
    line = make_line(source=SOURCE)
    exchange = {"method": "PUT", "url": "u?email=jane@example.com", "request": SOURCE}
    for number in (1, 2):
        add_try(line, number, payload=SOURCE, exchanges=[exchange | {"status": 400}])
    services.note_edit(line, olga, "asked", json.dumps(SOURCE, indent=1), "{}")
    wrong = FieldProblem(source="email", value="jane@example.com", rule="is no e-mail")
    failed = failure(
        why="NetSuite does not take jane@example.com.",
        raw='{"detail": "jane@example.com"}',
        problems=(wrong,),
    )
    services.capture(line.subject, line.subject.labels(), failed)
    FailedRecord.objects.update(
        preflight="red", preflight_note="Refuses jane@example.com."
    )
    for page in ("change/", "compare/"):
        hidden = auditor.get(page_of(line, page)).content.decode()
        shown = operator.get(page_of(line, page)).content.decode()
        for secret in SECRETS:
            assert secret not in hidden, (page, secret)
            assert secret in shown, (page, secret)
        assert "•••" in hidden


JOINED = FieldProblem(
    target="memo",
    source="name",
    sources=("name", "buyer.phone"),
    value="#1042 5550018",
    rule="'#1042 5550018' is too long",
    remedy="Shorten “#1042 5550018”.",
)
MARKED = FieldProblem(
    target="custbody1",
    source="code",
    value="Ruritania",
    rule="'Ruritania' is not in the table",
    sensitivity="secret",
)


@pytest.mark.parametrize(
    ("wrong", "secret"), [(JOINED, "5550018"), (MARKED, "Ruritania")]
)
def test_a_value_is_as_private_as_any_of_its_sources_or_its_row(
    auditor, operator, make_line, add_try, wrong, secret
):
    line = make_line(source={"name": "#1042"})
    add_try(line, 1, message=f"It is {wrong.value}.")
    failed = failure(
        why=f"memo (name is {wrong.value!r}): {wrong.rule}.", problems=(wrong,)
    )
    services.capture(line.subject, line.subject.labels(), failed)
    hidden = auditor.get(page_of(line, "change/")).content.decode()
    assert secret not in hidden
    assert secret in operator.get(page_of(line, "change/")).content.decode()


@pytest.mark.parametrize("wrong", [JOINED, MARKED])
def test_a_cause_never_keeps_a_private_value(make_line, wrong):
    line = make_line()
    failed = failure(kind=FailureKind.MAPPING, problems=(wrong,))
    line = services.capture(line.subject, line.subject.labels(), failed)
    assert line.cause.value == ""


def test_causes_with_different_private_values_stay_apart():
    prints = {
        fingerprint(failure(FailureKind.MAPPING, problems=(wrong,))).key
        for wrong in (MARKED, replace(MARKED, value="Syldavia"))
    }
    assert len(prints) == 2


def test_the_note_of_a_pre_flight_quotes_no_private_value(make_line, bench):
    note = f"Would fail again: {MARKED.rule}."
    bench.light = Preflight(Light.RED, note, (MARKED,))
    line = make_line()
    preflight.check(line)
    line.refresh_from_db()
    assert "Ruritania" not in line.preflight_note
    assert line.preflight_note.startswith("Would fail again: ")


@pytest.fixture
def fiona(make_person):
    """Reads steps, causes, records and known fixes, and no personal field."""
    return make_person(
        *("fiona", "view", "retry", "exclude", "view_action", "view_recipe"),
        "add_recipe",
    )


@pytest.fixture
def finance(fiona, browser_of):
    return browser_of(fiona)


def test_a_step_shows_no_payload_to_who_may_not_see_it(finance, make_line, bench, olga):
    line = make_line(source=SOURCE)
    services.note_edit(line, olga, "asked", json.dumps(SOURCE, indent=1), "{}")
    FailedRecord.objects.update(what="has jane@example.com twice")
    listed = finance.get("/admin/errorqueue/action/").content.decode()
    address = f"/admin/errorqueue/action/{line.actions.get().pk}/change/"
    page = finance.get(address, follow=True)
    assert page.redirect_chain[0][0] == page_of(line, "change/")
    for secret in SECRETS:
        assert secret not in listed
        assert secret not in page.content.decode()


def test_a_step_leads_nowhere_for_who_sees_no_records(
    make_person, browser_of, make_line, olga
):
    services.note_edit(make_line(), olga, "asked", "before", "after")
    clerk = browser_of(make_person("clerk", "view_action"))
    step = FailedRecord.objects.get().actions.get()
    answer = clerk.get(f"/admin/errorqueue/action/{step.pk}/change/")
    assert answer["Location"] == "/admin/errorqueue/action/"


def test_the_sheets_and_notes_around_a_line_quote_nothing_personal(
    finance, make_line, bench
):
    head, line = make_line(), make_line()
    told = "has ruth@example.org twice"
    FailedRecord.objects.update(what=told, preflight="red", preflight_note=told)
    FailedRecord.objects.filter(pk=line.pk).update(status="blocked", blocked_by=head)
    live = f"/admin/errorqueue/failedrecord/live/?ids={head.pk}"
    for address in (
        page_of(line, "exclude/"),
        page_of(line, "change/"),
        page_of(head, "change/"),
        "/admin/errorqueue/failedrecord/",
        live,
    ):
        assert "ruth@" not in finance.get(address).content.decode(), address


def test_a_first_error_that_is_still_the_same_is_not_pinned(auditor, make_line, bench):
    line = make_line()
    failed = failure(what="has jane@example.com twice")
    FailedRecord.objects.all().delete()
    line = services.capture(line.subject, line.subject.labels(), failed)
    shown = auditor.get(page_of(line, "change/")).content.decode()
    assert "First error" not in shown


def test_a_cause_quotes_no_private_value_in_its_remedy(make_line):
    line = make_line()
    failed = failure(
        FailureKind.MAPPING,
        what=f"– {JOINED.rule}",
        remedy=JOINED.remedy,
        problems=(JOINED,),
    )
    cause = services.capture(line.subject, line.subject.labels(), failed).cause
    assert "5550018" not in cause.text + cause.remedy
    assert cause.remedy.startswith("Shorten ")


def test_a_known_fix_shows_personal_values_only_to_who_may_see_them(
    finance, operator, olga, make_line, bench
):
    line = make_line()
    services.note_mend(line, olga, "asked", {"shipping.zip": "NR1 1AA"})
    kept = recipes.keep(line, olga, name="Short code", words="The code only.")
    address = f"/admin/errorqueue/recipe/{kept.pk}/change/"
    olga.user_permissions.add(Permission.objects.get(codename="view_recipe"))
    assert "NR1 1AA" in operator.get(address).content.decode()
    assert "NR1 1AA" not in finance.get(address).content.decode()
    services.exclude(line, olga, "done elsewhere")
    keep = finance.get(page_of(line, "keep/"))
    assert keep.status_code == 200 and "NR1 1AA" not in keep.content.decode()
    kept.refresh_from_db()
    assert kept.steps == {"shipping.zip": "NR1 1AA"}
