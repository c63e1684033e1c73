"""Searching the open lines never wades through the closed ones, and finds the same."""

import pytest

from errorqueue import qualifiers, services, undo
from errorqueue.models import LineKey
from errorqueue.query import lines_for

pytestmark = pytest.mark.django_db


def openness(line):
    return set(LineKey.objects.filter(line=line).values_list("is_open", flat=True))


@pytest.fixture
def line(make_line):
    return make_line(party="Acme Ltd")


def test_the_keys_of_a_new_line_are_open(line):
    assert openness(line) == {True}


def test_keys_are_closed_with_their_line_and_opened_by_taking_it_back(line, admin_user):
    action = services.resolve_by_hand(line, admin_user, "typed in by hand")
    assert openness(line) == {False}
    undo.take_back(action, admin_user)
    assert openness(line) == {True}


def test_keys_are_closed_when_the_record_arrives_by_itself(line):
    services.resolve(line.subject, "Delivered at the next try.", target_id="7009")
    assert openness(line) == {False}
    assert LineKey.objects.get(line=line, value="7009").name == "target"


def test_a_word_of_thousands_finds_what_a_rare_one_would(
    line, make_line, admin_user, monkeypatch
):
    other = make_line(party="Acme North")
    closed = make_line(party="Acme South")
    make_line(party="Somebody else")
    services.resolve_by_hand(closed, admin_user, "typed in by hand")
    for most in (0, 2_000):
        monkeypatch.setattr(qualifiers, "MOST_NAMED", most)
        for query in ("q=customer:acme", "q=acme", "q=acme+customer:acme"):
            assert set(lines_for(query, admin_user)) == {line, other}, query
        assert set(lines_for("tab=all&q=acme", admin_user)) == {line, other, closed}
        assert not lines_for("q=acme+-customer:acme", admin_user)


def test_the_page_of_a_word_of_thousands_counts_and_pages(
    line, admin_client, monkeypatch
):
    monkeypatch.setattr(qualifiers, "MOST_NAMED", 0)
    page = admin_client.get("/admin/errorqueue/failedrecord/?q=acme")
    assert [row.pk for row in page.context["cl"].result_list] == [line.pk]
    assert "1+" in page.content.decode()
