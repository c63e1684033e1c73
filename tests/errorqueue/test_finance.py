"""Nobody edits the content of finance documents, whichever way they try."""

import pytest

from errorqueue import finance, recipes, services
from errorqueue.admin.fix_form import mark_of
from errorqueue.bulk import stepping
from errorqueue.bulk.running import start
from errorqueue.failures import Refused
from errorqueue.models import BulkItem, FailedRecord, Recipe
from errorqueue.workbench import workbench_of
from tests.errorqueue.bench import ZIP
from tests.errorqueue.pages import page_of, text_of

VALUES = {"shipping.zip": "SW1A"}
Status = FailedRecord.Status


@pytest.fixture
def journal(make_line, flow):
    flow.source_entity = "payout"
    flow.save()
    line = make_line()
    assert finance.is_finance(line)
    return line


def status_of(line) -> str:
    return FailedRecord.objects.get(pk=line.pk).status


@pytest.mark.parametrize(
    ("entity", "is_finance"),
    [
        ("payout", True),
        ("journalEntry", True),
        ("journal_entry", True),
        ("customerDeposit", True),
        ("order", False),
        ("customer", False),
        ("", False),
    ],
)
def test_which_documents_are_meant(db, entity, is_finance):
    assert finance.is_finance(FailedRecord(entity=entity)) is is_finance


def test_f88_the_fix_form_is_neither_offered_nor_taken(operator, journal, bench):
    page = operator.get(page_of(journal, "change/")).content.decode()
    assert page_of(journal, "fix/") not in page
    assert journal.subject.edit_url() not in page
    data = {"place_0": "SW1A", "seen": mark_of((ZIP,)), "reason": "x"}
    answer = operator.post(page_of(journal, "fix/"), data, follow=True)
    assert "is not edited here" in text_of(answer)
    assert bench.asked == []


def test_f88_the_raw_editor_is_closed(operator, journal):
    address = journal.subject.edit_url()
    for answer in (
        operator.get(address, follow=True),
        operator.post(address, {"payload": "{}", "reason": "x"}, follow=True),
    ):
        assert "is not edited here" in text_of(answer)
    journal.subject.refresh_from_db()
    assert journal.subject.edited is None
    assert status_of(journal) == Status.FAILED


def test_f88_a_bulk_mend_skips_them_and_says_why(journal, olga, bench):
    run = start("mend", olga, chosen=[journal.pk], options={"values": VALUES})
    while run.is_active:
        stepping.step_all()
        run.refresh_from_db()
    item = run.items.get()
    assert item.state == BulkItem.State.SKIPPED
    assert "is not edited here" in item.note
    assert bench.asked == []


def test_f88_a_known_fix_mends_them_neither_by_hand_nor_by_itself(
    journal, olga, operator, bench
):
    services.note_mend(journal, olga, "too long", VALUES)
    recipe = recipes.keep(journal, olga, name="Short", words="Only the code.")
    with pytest.raises(finance.FinanceDocument):
        recipes.apply(recipe, journal, olga)
    address = page_of(journal, "known/")
    assert operator.post(address, {"recipe": recipe.pk}).status_code == 403
    recipes.allow(recipe, olga, is_automatic=True)
    recipes.apply_automatic()
    assert bench.asked == []
    assert status_of(journal) == Status.FAILED
    assert journal.actions.get(verb="recipe refused")
    assert Recipe.objects.get().uses == 0


def test_the_workbench_itself_refuses(journal, olga):
    journal.subject.source = {"name": "#1", "note": "x"}
    journal.subject.save()
    journal = FailedRecord.objects.get(pk=journal.pk)
    with pytest.raises(Refused, match="not edited here"):
        workbench_of(journal).mend({"note": "y"}, olga, "because")


def test_they_are_retried_like_anything_else(operator, journal):
    assert operator.post(page_of(journal, "retry/")).status_code == 302
    assert status_of(journal) == Status.RETRYING
