import pytest
from django.contrib.messages import get_messages

from errorqueue.admin.fix_form import form_for, mark_of, text_of
from errorqueue.failures import Broken, FieldProblem, Refused
from errorqueue.models import FailedRecord, Recipe
from tests.errorqueue.bench import SHIP, ZIP
from tests.errorqueue.pages import page_of
from tests.errorqueue.pages import text_of as shown_of


def said(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def answers(*broken, reason="customer called", **values):
    typed = {f"place_{n}": text_of(one.value) for n, one in enumerate(broken)}
    return {**typed, "seen": mark_of(broken), "reason": reason, **values}


def test_only_the_broken_fields_are_asked_with_their_rule(operator, make_line, bench):
    bench.given_broken = (ZIP, SHIP)
    answer = operator.get(page_of(make_line(), "fix/"))
    shown = shown_of(answer)
    assert "Postcode 26 of 10 characters at most 10 characters Shorten it." in shown
    assert "Now: SW1A 1AA and a long remark" in shown
    page = answer.content.decode()
    assert page.count('name="place_') == 2
    assert '<option value="DHL">DHL Paket</option>' in page


def test_a_long_list_of_allowed_values_is_searched_by_typing(
    operator, make_line, bench
):
    allowed = tuple((f"S{n}", f"Service {n}") for n in range(40))
    bench.given_broken = (Broken("m", "Ship method", "DHL", allowed=allowed),)
    page = operator.get(page_of(make_line(), "fix/")).content.decode()
    assert 'list="id_place_0_values"' in page
    assert '<datalist id="id_place_0_values">' in page
    assert '<option value="S7" label="Service 7"></option>' in page
    assert "40 values are allowed: type to search them." in page


def test_what_was_changed_is_mended_and_queued(operator, make_line, bench):
    bench.given_broken = (ZIP, SHIP)
    line = make_line()
    answer = operator.post(
        page_of(line, "fix/"), answers(ZIP, SHIP, place_0="SW1A 1AA")
    )
    assert answer.url == page_of(line, "change/")
    assert said(answer) == [f"ERR-{line.pk} is mended and queued."]
    asked = ("mend", {"shipping.zip": "SW1A 1AA"}, "olga", "customer called")
    assert bench.asked == [asked]
    assert FailedRecord.objects.get().status == FailedRecord.Status.RETRYING


def test_what_is_still_wrong_stands_at_its_box_and_nothing_is_lost(
    operator, make_line, bench
):
    bench.still_wrong = (
        FieldProblem(source="shipping.zip", rule="is no postcode", remedy="Ask."),
        FieldProblem(target="memo", rule="is required"),
    )
    line = make_line()
    answer = operator.post(page_of(line, "fix/"), answers(ZIP, place_0="nonsense"))
    shown = shown_of(answer)
    assert "Nothing was saved: it would still be refused." in shown
    assert "memo: is required" in shown
    assert "is no postcode Ask. Postcode" in shown
    assert 'value="nonsense"' in answer.content.decode()
    assert FailedRecord.objects.get().status == FailedRecord.Status.FAILED


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "16 too many: it has 26 characters, 10 fit."),
        ({"place_0": "SW1A 1AA, 4th"}, "3 too many: it has 13 characters, 10 fit."),
        ({"place_0": "SW1A", "reason": " "}, "This field is required."),
        ({"place_0": "SW1A", "seen": "other"}, "Somebody changed this record"),
    ],
)
def test_what_cannot_be_saved_is_said_before_anything_is_asked(
    operator, make_line, bench, values, told
):
    answer = operator.post(page_of(make_line(), "fix/"), answers(ZIP, **values))
    assert answer.status_code == 200
    assert told in shown_of(answer)
    assert not bench.asked


def test_a_form_without_a_change_is_told_to_use_retry(operator, make_line, bench):
    long = "two\nlines"
    bench.given_broken = (SHIP, Broken("memo", "Memo", long))
    typed = answers(*bench.given_broken, place_1=long.replace("\n", "\r\n"))
    answer = operator.post(page_of(make_line(), "fix/"), typed)
    assert "Nothing was changed." in shown_of(answer)
    assert not bench.asked


def test_a_refusal_is_said_on_the_page_of_the_line(operator, make_line, bench):
    bench.raises = Refused("It is being sent right now. Wait for the outcome.")
    line = make_line()
    answer = operator.post(page_of(line, "fix/"), answers(ZIP, place_0="SW1A"))
    assert answer.url == page_of(line, "change/")
    assert said(answer) == ["It is being sent right now. Wait for the outcome."]


@pytest.mark.parametrize("entity", ["journal", "payout", "bankDeposit"])
def test_f93_finance_documents_are_not_edited_by_operators(
    operator, make_line, bench, entity
):
    line = make_line()
    FailedRecord.objects.update(entity=entity)
    for answer in (
        operator.get(page_of(line, "fix/")),
        operator.post(page_of(line, "fix/"), answers(ZIP, place_0="SW1A")),
    ):
        assert answer.status_code == 302
        assert said(answer)[0].startswith("The content of journals, payouts and")
    assert not bench.asked
    page = operator.get(page_of(line, "change/"))
    assert page_of(line, "fix/") not in page.content.decode()
    assert line.subject.edit_url() not in page.content.decode()
    assert "not edited here" in shown_of(page)


def test_f93_the_raw_editor_refuses_finance_documents_too(operator, make_line, bench):
    line = make_line()
    FailedRecord.objects.update(entity="journalEntry")
    address = line.subject.edit_url()
    for answer in (
        operator.get(address),
        operator.post(address, {"payload": "{}", "reason": "x", "seen": "y"}),
    ):
        assert answer.url == page_of(line, "change/")
        assert said(answer)[-1].startswith("The content of journals")
    assert line.subject.edited is None


def test_a_line_without_a_workbench_is_only_retried_or_excluded(
    operator, make_line, no_bench
):
    line = make_line()
    answer = operator.get(page_of(line, "fix/"))
    assert said(answer) == [f"ERR-{line.pk} can only be retried or excluded."]


def test_markup_in_values_stays_text(operator, make_line, bench):
    nasty = "</pre><script>alert(1)</script>"
    bench.given_broken = (
        Broken("a", nasty, nasty, rule=nasty, allowed=((nasty, nasty),)),
    )
    page = operator.get(page_of(make_line(), "fix/")).content.decode()
    assert "<script>alert" not in page


def test_truth_values_and_nothing_are_written_as_in_a_box():
    assert [text_of(value) for value in (True, False, None, 0, "")] == [
        *("true", "false", "", "0", "")
    ]


def test_values_of_a_known_fix_are_filled_in():
    recipe = Recipe(name="Short code", steps={"shipping.zip": "SW1A"})
    form = form_for((ZIP,), recipe=recipe)
    assert 'value="SW1A"' in str(form["place_0"])
    assert 'value="Known fix “Short code”."' in str(form["reason"])
