"""The library of known fixes in the console."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission

from errorqueue import recipes, services
from errorqueue.clock import database_time
from errorqueue.models import Recipe
from tests.errorqueue.pages import text_of

LIST = "/admin/errorqueue/recipe/"
VALUES = {"shipping.zip": "SW1A 1AA"}


@pytest.fixture
def recipe(make_line, olga):
    line = make_line()
    services.note_mend(line, olga, "too long", VALUES)
    return recipes.keep(line, olga, name="Short code", words="Only the code itself.")


@pytest.fixture
def person_with(make_person, browser_of):
    def log_in(*codes):
        person = make_person("ines", "view")
        person.user_permissions.add(*Permission.objects.filter(codename__in=codes))
        return browser_of(person)

    return log_in


@pytest.fixture
def chief(person_with):
    return person_with("view_recipe", "change_recipe", "allow_recipe")


def page(recipe) -> str:
    return f"{LIST}{recipe.pk}/change/"


def press(client, recipe, verb):
    return client.post(f"{LIST}{recipe.pk}/{verb}/", follow=True)


def test_the_list_tells_scope_use_author_and_expiry(chief, recipe):
    until = database_time() + timedelta(days=3, hours=1)
    Recipe.objects.update(uses=4, worked=3, expires_at=until)
    shown = text_of(chief.get(LIST))
    for words in (
        "Short code Set values, then retry Offered",
        recipe.cause.human_id,
        "Orders to NetSuite",
        "3 of 4",
        "olga",
        "in 3 days",
    ):
        assert words in shown


def test_the_page_tells_what_it_does(chief, recipe):
    shown = text_of(chief.get(page(recipe)))
    assert "shipping.zip becomes “•••”" in shown  # its reader sees no payloads
    assert "Only the code itself." in shown


def test_an_admin_lets_it_be_applied_by_itself_and_stops_it(chief, recipe):
    assert "is applied by itself from now on" in text_of(press(chief, recipe, "allow"))
    recipe.refresh_from_db()
    assert recipe.is_automatic
    assert recipe.allowed_by.username == "ines"
    assert "Applied by itself" in text_of(chief.get(LIST))
    press(chief, recipe, "forbid")
    recipe.refresh_from_db()
    assert not recipe.is_automatic
    assert recipe.allowed_by is None
    assert LogEntry.objects.filter(object_id=recipe.pk).count() == 2


def test_retired_it_is_offered_no_longer_and_stays_to_be_read(chief, recipe):
    line = recipe.cause.lines.get()
    assert recipes.offer(line) == [recipe]
    press(chief, recipe, "retire")
    assert recipes.offer(line) == []
    assert "Short code" not in text_of(chief.get(LIST))
    assert "Short code" in text_of(chief.get(LIST, {"tab": "past"}))
    shown = text_of(press(chief, recipe, "allow"))
    assert "retired or past its date: keep a new one" in shown
    assert not Recipe.objects.get().is_automatic


def test_advice_cannot_be_applied_by_itself(chief, make_line, olga):
    advice = recipes.keep(make_line(), olga, name="Ring", words="Ring.", verb="advice")
    assert "Let it be applied" not in text_of(chief.get(page(advice)))
    assert "Advice cannot be applied" in text_of(press(chief, advice, "allow"))
    assert not Recipe.objects.get().is_automatic


@pytest.mark.parametrize(
    ("rights", "allowed"),
    [
        ((), ()),
        (("view_recipe",), ()),
        (("allow_recipe",), ()),
        (("view_recipe", "change_recipe"), ("retire",)),
        (("view_recipe", "allow_recipe"), ("allow", "forbid")),
    ],
)
def test_each_button_has_its_right(person_with, recipe, rights, allowed):
    client = person_with(*rights)
    for verb in ("allow", "forbid", "retire"):
        answer = client.post(f"{LIST}{recipe.pk}/{verb}/")
        assert answer.status_code == (302 if verb in allowed else 403), verb
        assert client.get(f"{LIST}{recipe.pk}/{verb}/").status_code == 405


def test_buttons_are_shown_only_to_who_may_press_them(person_with, recipe):
    shown = text_of(person_with("view_recipe").get(page(recipe)))
    assert "Retire it" not in shown
    assert "Let it be applied" not in shown


def test_nobody_adds_edits_or_deletes_one_here(admin_client, recipe):
    assert admin_client.get(f"{LIST}add/").status_code == 403
    assert admin_client.get(f"{LIST}{recipe.pk}/delete/").status_code == 403
    admin_client.post(page(recipe), {"name": "Other"})
    assert Recipe.objects.get().name == "Short code"
