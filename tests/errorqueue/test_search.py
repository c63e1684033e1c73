import html

import pytest

from errorqueue import services
from tests.errorqueue.pages import LIST, rows_of, text_of


@pytest.fixture
def wanted(make_line):
    make_line(
        label="#2042",
        source_key="gid://shopify/Order/999",
        party="Nakamura Shoten",
        email="ken@example.jp",
        skus="HAMMOCK-XL",
    )
    return make_line(
        label="#1042",
        source_key="gid://shopify/Order/5123400042",
        party="Blue Heron GmbH",
        email="maria@blueheron.example",
        skus="TENT-2 STOVE-1",
    )


@pytest.mark.parametrize(
    "term",
    [
        "1042",
        "#1042",
        " #1042 ",
        "104",
        "TENT-2",
        "stove-1",
        "maria@blueheron.example",
        "blueheron",
        "Blue Heron",
        "heron blue",
        "5123400042",
        "gid://shopify/Order/5123400042",
        "heron 1042",
        "shopify-acme-order-5123400042",
    ],
)
def test_people_find_a_record_by_what_they_have_at_hand(operator, wanted, term):
    assert rows_of(operator.get(LIST, {"q": term})) == [wanted.pk]


@pytest.mark.parametrize("form", ["ERR-{}", "err-{}", "ERR{}"])
def test_the_id_from_an_alert_finds_its_line(operator, wanted, form):
    found = rows_of(operator.get(LIST, {"q": form.format(wanted.pk)}))
    assert found == [wanted.pk]


@pytest.mark.parametrize(
    "term",
    [
        "042",
        "shopify-acme-order-123400042",
        "heron #2042",
        "ERR-999999999999",
        "' OR 1=1",
    ],
)
def test_what_does_not_match_is_not_shown(operator, wanted, term):
    assert rows_of(operator.get(LIST, {"q": term})) == []


def test_a_lone_hash_searches_for_nothing(operator, wanted):
    assert wanted.pk in rows_of(operator.get(LIST, {"q": "#"}))


def test_a_search_goes_with_the_chosen_tab(operator, wanted):
    found = operator.get(LIST, {"q": "1042", "tab": "excluded"})
    assert rows_of(found) == []


def test_a_search_says_under_which_other_tab_its_hits_are(operator, wanted):
    services.resolve(wanted.subject, "Delivered to NetSuite as SO-7009.")
    answer = operator.get(LIST, {"q": "heron"})
    assert "1 found under Resolved No failed record matches" in text_of(answer)
    page = html.unescape(answer.content.decode())
    assert 'href="?q=heron&tab=resolved">1 found' in page


def test_a_search_without_any_hit_names_no_other_tab(operator, wanted):
    assert "found under" not in text_of(operator.get(LIST, {"q": "nowhere"}))


def test_the_document_at_the_target_finds_the_settled_line(operator, wanted):
    services.resolve(wanted.subject, "Delivered.", target_id="SO-7009")
    for text in ("so-7009", "target:SO-70"):
        found = operator.get(LIST, {"q": text, "tab": "resolved"})
        assert rows_of(found) == [wanted.pk]
