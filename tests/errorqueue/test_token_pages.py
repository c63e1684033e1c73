"""Tokens in the console: shown once, one's own, revoked at once."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client

from errorqueue import tokens
from errorqueue.models import ApiToken
from tests.errorqueue.pages import text_of

LIST = "/admin/errorqueue/apitoken/"


@pytest.fixture
def make_maker(make_person, browser_of):
    """Somebody who may make tokens, in a browser."""

    def make(name, *more):
        person = make_person(name, "view")
        codes = ["add_apitoken", *more]
        person.user_permissions.add(*Permission.objects.filter(codename__in=codes))
        return person, browser_of(person)

    return make


def made(browser, name="warehouse sync", days="90"):
    page = browser.post(f"{LIST}add/", {"name": name, "days": days})
    found = re.search(r"wb_[\w-]{43}", page.content.decode())
    return page, found and found[0]


def test_a_token_is_shown_once_and_never_again(make_maker):
    person, browser = make_maker("mia")
    page, plain = made(browser)
    assert page.status_code == 200 and "no-store" in page["Cache-Control"]
    token = ApiToken.objects.get()
    assert (token.user, token.digest) == (person, tokens.digest_of(plain))
    assert 89 < (token.expires_at - token.made_at).days + 1 < 92
    listed = browser.get(LIST).content.decode()
    assert "warehouse sync" in listed and plain not in listed
    headers = {"authorization": f"Bearer {plain}"}
    assert Client(headers=headers).get("/api/v1/failed-records/").status_code == 200
    assert "Made an API token" in LogEntry.objects.get().change_message


@pytest.mark.parametrize(
    ("name", "words"), [("", "what the token is for"), ("x", "already")]
)
def test_a_token_that_cannot_be_made_says_why_and_keeps_the_form(
    make_maker, name, words
):
    person, browser = make_maker("mia")
    tokens.make(person, "x")
    page, plain = made(browser, name)
    assert plain is None and words in text_of(page)
    assert ApiToken.objects.count() == 1


def test_everybody_sees_and_revokes_their_own_only(make_maker):
    mia, browser = make_maker("mia")
    noa, _ = make_maker("noa")
    tokens.make(mia, "mine")
    tokens.make(noa, "of noa")
    shown = text_of(browser.get(LIST))
    assert "mine" in shown and "of noa" not in shown
    other = ApiToken.objects.get(user=noa)
    assert browser.post(f"{LIST}{other.pk}/revoke/").status_code == 404
    own = ApiToken.objects.get(user=mia)
    assert browser.post(f"{LIST}{own.pk}/revoke/").status_code == 302
    own.refresh_from_db()
    other.refresh_from_db()
    assert own.revoked_at and other.revoked_at is None
    assert "Revoked" in text_of(browser.get(LIST))


def test_integration_admins_see_and_revoke_all(make_maker):
    mia, _ = make_maker("mia")
    tokens.make(mia, "of mia")
    _, chief = make_maker("ida", "view_apitoken", "change_apitoken")
    assert "of mia" in text_of(chief.get(LIST))
    token = ApiToken.objects.get()
    chief.post(f"{LIST}{token.pk}/revoke/")
    token.refresh_from_db()
    assert token.revoked_at


def test_an_auditor_sees_all_and_changes_nothing(make_maker, make_person, browser_of):
    mia, _ = make_maker("mia")
    tokens.make(mia, "of mia")
    person = make_person("aurelia", "view")
    view = Permission.objects.get(codename="view_apitoken")
    person.user_permissions.add(view)
    auditor = browser_of(person)
    shown = auditor.get(LIST)
    assert "of mia" in text_of(shown) and "Revoke" not in text_of(shown)
    token = ApiToken.objects.get()
    assert auditor.post(f"{LIST}{token.pk}/revoke/").status_code == 403
    assert auditor.get(f"{LIST}add/").status_code == 403
    assert auditor.post(f"{LIST}{token.pk}/delete/", {"post": "yes"}).status_code == 403


def test_without_the_right_there_is_no_page(operator):
    assert operator.get(LIST).status_code == 403
    assert operator.get(f"{LIST}add/").status_code == 403


def test_revoking_takes_a_press_of_a_button(make_maker):
    mia, browser = make_maker("mia")
    tokens.make(mia, "mine")
    token = ApiToken.objects.get()
    assert browser.get(f"{LIST}{token.pk}/revoke/").status_code == 405
    assert browser.get(f"{LIST}{token.pk}/change/").status_code == 302
