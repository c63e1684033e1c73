from datetime import UTC, datetime

from django.contrib.auth.models import User

from errorqueue.admin.compare import Eye, facts, pairs
from errorqueue.failures import Try
from mappings.models import MappingDocument, MappingVersion
from tests.errorqueue.pages import page_of, text_of


def one_try(number=1, **changes) -> Try:
    values = {
        "number": number,
        "started_at": datetime(2026, 4, 1, 12, 0, number, tzinfo=UTC),
        "milliseconds": 400,
        "outcome": "Failed",
        "message": "Refused.",
        "mapping": "Orders v3",
        "worker": "one",
    }
    return Try(**{**values, **changes})


def test_equal_lines_stand_side_by_side_and_others_are_marked():
    found = [
        (pair.left, pair.right, pair.tone) for pair in pairs("a\nb\nc", "a\nB\nc\nd")
    ]
    assert found == [
        ("a", "a", ""),
        ("b", "B", "changed"),
        ("c", "c", ""),
        ("", "d", "added"),
    ]


def test_what_is_only_left_is_removed():
    assert [(pair.left, pair.right, pair.tone) for pair in pairs("a\nb", "a")] == [
        ("a", "a", ""),
        ("b", "", "removed"),
    ]


def test_facts_say_what_differs():
    later = one_try(2, mapping="Orders v4", milliseconds=None)
    found = facts(one_try(), later, Eye(User(is_superuser=True)))
    assert [name for name, *_, differs in found if differs] == [
        *("Began", "Took", "Mapping")
    ]


def test_two_tries_are_compared_field_by_field(operator, make_line, add_try):
    line = make_line()
    add_try(line, 1, worker="north-1", milliseconds=412)
    add_try(
        line,
        2,
        worker="north-2",
        milliseconds=9001,
        exchanges=[
            {
                "method": "PUT",
                "url": "https://123.suitetalk.api.netsuite.com/record/v1/salesOrder",
                "request": '{"total":1250.10}',
                "response": '{"title":"Too late"}',
                "status": 503,
            }
        ],
    )
    answer = operator.get(page_of(line, "compare/"), {"a": 1, "b": 2})
    shown = text_of(answer)
    assert "Took 412 ms 9,001 ms" in shown
    assert "Worker north-1 north-2" in shown
    page = answer.content.decode()
    assert "pair-changed" in page
    assert "&quot;total&quot;: 1240.10" in page and "&quot;total&quot;: 1250.10" in page
    assert "&quot;title&quot;: &quot;Too late&quot;" in page


def test_without_a_choice_the_last_two_are_compared(operator, make_line, add_try):
    line = make_line()
    for number in (1, 2, 3):
        add_try(line, number)
    for query in ({}, {"a": "x", "b": ""}):
        answer = operator.get(page_of(line, "compare/"), query)
        assert "try 2 beside try 3" in text_of(answer)


def test_one_try_has_nothing_beside_it(operator, make_line, add_try):
    line = make_line()
    add_try(line, 1)
    assert operator.get(page_of(line, "compare/")).url == page_of(line, "change/")
    page = text_of(operator.get(page_of(line, "change/")))
    assert "Compare the two" not in page


def test_the_page_asks_the_same_for_two_tries_and_for_ten(
    operator, make_line, add_try, cost_of
):
    line = make_line()
    for number in range(1, 11):
        document = MappingDocument.objects.create(name=f"{number}", slug=f"{number}")
        version = MappingVersion.objects.create(document=document, number=number)
        add_try(line, number, mapping=version)
        if number == 2:
            few = cost_of(page_of(line, "compare/"))
    assert cost_of(page_of(line, "compare/")) == few
