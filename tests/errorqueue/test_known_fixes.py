from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages

from errorqueue import services
from errorqueue.clock import database_time
from errorqueue.failures import FieldProblem
from errorqueue.models import FailedRecord, Recipe
from tests.errorqueue.pages import page_of, text_of

Status = FailedRecord.Status
STEPS = {"shipping.zip": "SW1A 1AA"}


def said(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


@pytest.fixture
def recipe_for(olga):
    def make(line, **changes):
        values = {
            "name": "Short code",
            "cause": line.cause,
            "steps": STEPS,
            "words": "Only the code itself belongs there.",
            "author": olga,
            "made_at": database_time(),
            "uses": 5,
            "worked": 4,
        }
        return Recipe.objects.create(**{**values, **changes})

    return make


def test_a_known_fix_is_offered_with_how_often_it_worked(
    operator, make_line, bench, recipe_for
):
    line = make_line()
    recipe = recipe_for(line)
    page = operator.get(page_of(line, "change/"))
    shown = text_of(page)
    assert "Short code Set values, then retry · by olga, worked 4 of 5 times" in shown
    assert "Only the code itself belongs there." in shown
    address = f"{page_of(line, 'fix/')}?recipe={recipe.pk}"
    assert page.context["fix_url"] == address
    form = operator.get(address).content.decode()
    assert 'value="SW1A 1AA"' in form
    assert "Filled in from the known fix “Short code”" in form


def test_it_is_applied_by_one_click(operator, make_line, bench, recipe_for):
    line = make_line()
    recipe = recipe_for(line)
    answer = operator.post(page_of(line, "known/"), {"recipe": recipe.pk})
    assert said(answer) == [f"“Short code” was applied to ERR-{line.pk}."]
    asked = ("mend", STEPS, "olga", "Known fix “Short code”.")
    assert bench.asked == [asked]
    assert FailedRecord.objects.get().status == Status.RETRYING


def test_one_that_does_not_fit_says_so_and_changes_nothing(
    operator, make_line, bench, recipe_for
):
    bench.still_wrong = (FieldProblem(target="zip", rule="is unknown"),)
    line = make_line()
    recipe = recipe_for(line)
    answer = operator.post(page_of(line, "known/"), {"recipe": recipe.pk})
    assert said(answer) == ["“Short code” did not fit. Still wrong: zip is unknown"]
    assert FailedRecord.objects.get().status == Status.FAILED
    assert Recipe.objects.get().uses == 5


@pytest.mark.parametrize(
    ("verb", "rights"), [("mend", ["retry"]), ("exclude", ["edit"]), ("retry", [])]
)
def test_applying_takes_the_right_of_what_it_does(
    make_person, browser_of, make_line, bench, recipe_for, verb, rights
):
    line = make_line()
    recipe = recipe_for(line, verb=verb)
    pat = browser_of(make_person("pat", "view", *rights))
    assert "Apply it" not in text_of(pat.get(page_of(line, "change/")))
    answer = pat.post(page_of(line, "known/"), {"recipe": recipe.pk})
    assert answer.status_code == 403
    assert FailedRecord.objects.get().status == Status.FAILED


def test_f93_a_finance_document_is_not_mended_by_a_known_fix(
    operator, make_line, bench, recipe_for
):
    line = make_line()
    FailedRecord.objects.update(entity="journalEntry")
    recipe = recipe_for(line)
    answer = operator.post(page_of(line, "known/"), {"recipe": recipe.pk})
    assert answer.status_code == 403 and not bench.asked


@pytest.mark.parametrize("number", ["", "x", "77777"])
def test_what_is_not_offered_cannot_be_applied(operator, make_line, bench, number):
    answer = operator.post(page_of(make_line(), "known/"), {"recipe": number})
    assert answer.status_code == 404


def test_what_settled_a_line_is_kept_for_the_next_time(
    operator, make_line, bench, olga
):
    olga.user_permissions.add(Permission.objects.get(codename="add_recipe"))
    line = make_line()
    services.note_mend(line, olga, "customer called", STEPS)
    services.retry(line, olga, "customer called")
    services.resolve(line.subject, "Delivered as 7.")
    assert "Keep this as a known fix" in text_of(operator.get(page_of(line, "change/")))
    page = text_of(operator.get(page_of(line, "keep/")))
    assert "customer called" in page and "shipping.zip SW1A 1AA" in page
    until = database_time() + timedelta(days=30)
    data = {
        "name": "Short code",
        "words": "Only the code.",
        "verb": "mend",
        "expires_at_0": f"{until:%Y-%m-%d}",
        "expires_at_1": "12:00",
        "only_this_flow": "on",
    }
    answer = operator.post(page_of(line, "keep/"), data)
    assert said(answer) == ["“Short code” is kept and offered the next time."]
    kept = Recipe.objects.get()
    assert (kept.steps, kept.flow, kept.author) == (STEPS, line.flow, olga)
    assert kept.expires_at.date() == until.date()


def test_what_machines_settled_is_not_kept(operator, make_line, bench, olga):
    olga.user_permissions.add(Permission.objects.get(codename="add_recipe"))
    line = make_line()
    services.resolve(line.subject, "Delivered as 7.")
    shown = text_of(operator.get(page_of(line, "change/")))
    assert "Keep this as" not in shown
    assert operator.get(page_of(line, "keep/")).status_code == 403


def test_keeping_takes_its_right(operator, make_line, bench, olga):
    line = make_line()
    services.exclude(line, olga, "test order")
    assert operator.get(page_of(line, "keep/")).status_code == 403
