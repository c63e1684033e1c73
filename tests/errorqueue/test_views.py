"""Saved views: kept, shared, replaced, deleted; nobody touches another person's."""

import html

import pytest
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages

from errorqueue.models import SavedView
from tests.errorqueue.pages import LIST, text_of

SAVE = f"{LIST}views/save/"


@pytest.fixture
def keeper(olga, operator):
    olga.user_permissions.add(Permission.objects.get(codename="add_savedview"))
    return operator


@pytest.fixture
def otto(make_person, browser_of):
    return browser_of(make_person("otto", "view"))


def said(answer) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def test_a_view_keeps_tab_search_and_order(keeper, olga):
    told = {"name": "Dear ones", "query": "tab=mine&q=amount%3A%3E500&o=money&p=3"}
    answer = keeper.post(SAVE, told)
    view = SavedView.objects.get()
    assert (view.owner, view.is_shared) == (olga, False)
    assert view.query == "tab=mine&q=amount%3A%3E500&o=money"
    assert answer.url == f"{LIST}?{view.query}"
    shown = keeper.get(answer.url)
    assert "Views: Dear ones" in text_of(shown)
    assert f'href="?{view.query}"' in html.unescape(shown.content.decode())
    assert "Dear ones · Error queue" in text_of(shown)


def test_a_view_of_the_same_name_is_replaced(keeper):
    keeper.post(SAVE, {"name": "Mine", "query": "tab=mine"})
    answer = keeper.post(SAVE, {"name": " Mine ", "query": "tab=mine&q=kind:data"})
    assert SavedView.objects.get().query == "tab=mine&q=kind%3Adata"
    assert said(answer).endswith("The view “Mine” is replaced.")


@pytest.mark.parametrize(
    ("told", "remedy"),
    [
        ({"name": " "}, "Give the view a name."),
        ({"name": "x" * 61}, "at most 60 characters"),
        ({"name": "x", "query": "q=" + "y" * 600}, "too long to be kept"),
    ],
)
def test_a_view_that_cannot_be_kept_says_why(keeper, told, remedy):
    answer = keeper.post(SAVE, told)
    assert answer.status_code == 302
    assert remedy in said(answer)
    assert not SavedView.objects.exists()


def test_only_shared_views_are_seen_by_others(keeper, otto):
    keeper.post(SAVE, {"name": "Private", "query": "tab=mine"})
    keeper.post(SAVE, {"name": "For all", "query": "tab=due", "is_shared": "on"})
    shown = text_of(otto.get(LIST))
    assert "For all by olga" in shown and "Private" not in shown
    private = SavedView.objects.get(name="Private")
    keeper.post(f"{LIST}views/{private.pk}/share/")
    assert "Private by olga" in text_of(otto.get(LIST))
    keeper.post(f"{LIST}views/{private.pk}/share/")
    assert "Private" not in text_of(otto.get(LIST))


def test_nobody_deletes_or_shares_what_another_keeps(keeper, otto):
    keeper.post(SAVE, {"name": "Private", "query": ""})
    keeper.post(SAVE, {"name": "Shared", "query": "", "is_shared": "on"})
    private, shared = SavedView.objects.order_by("name")
    for verb in ("delete", "share"):
        assert otto.post(f"{LIST}views/{private.pk}/{verb}/").status_code == 404
        assert otto.post(f"{LIST}views/{shared.pk}/{verb}/").status_code == 403
        assert keeper.get(f"{LIST}views/{shared.pk}/{verb}/").status_code == 405
    assert SavedView.objects.count() == 2
    keeper.post(f"{LIST}views/{private.pk}/delete/")
    assert SavedView.objects.get() == shared


def test_saving_takes_the_right_to_it(otto):
    assert otto.post(SAVE, {"name": "Mine", "query": ""}).status_code == 403
    assert "Save view" not in text_of(otto.get(LIST))


def test_a_view_never_leads_elsewhere(keeper):
    answer = keeper.post(SAVE, {"name": "x", "query": "next=//evil.example&q=a%0d%0ab"})
    assert answer.url.startswith(f"{LIST}?q=")
    assert "evil" not in answer.url and "\n" not in answer.url


def test_a_view_of_hostile_name_is_shown_as_text(keeper):
    keeper.post(SAVE, {"name": "<script>alert(1)</script>", "query": ""})
    assert "<script>alert(1)" not in keeper.get(LIST).content.decode()
