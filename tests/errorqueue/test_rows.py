"""The rows of the list: as Django would draw them, at a price that stays low."""

import cProfile
import pstats
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.admin.templatetags.admin_list import results
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince, timeuntil

from errorqueue.admin import numbered
from errorqueue.clock import database_time
from errorqueue.failures import FailureKind
from errorqueue.markup import filled, joined
from errorqueue.models import FailedRecord, Tag
from errorqueue.wording import ago, next_try
from tests.errorqueue.pages import LIST

HOSTILE = "<b>'Tom' & \"Jerry\"</b> {} {0}"
# 930 when this was written; drawn cell by cell by Django it was 3,620.
MOST_CALLS_A_ROW = 1_400


@pytest.fixture
def odd_lines(make_line, olga):
    """Lines that show whatever a row can show, with markup in their texts."""
    now = database_time()
    head, other = make_line(), make_line(FailureKind.MAPPING)
    waiting = make_line(FailureKind.TEMPORARY, waits=True)
    other.tags.add(Tag.objects.create(name="vip"), Tag.objects.create(name="late"))
    changes = {
        head: {"what": HOSTILE, "party": HOSTILE, "field": "a.<i>.b", "amount": None},
        other: {"assignee": olga, "due_at": now - timedelta(hours=1), "cause": None},
        waiting: {"flow": HOSTILE, "preflight": "red", "preflight_note": HOSTILE},
        make_line(): {"status": "blocked", "blocked_by": head},
        make_line(): {"is_unknown": True, "snoozed_until": now + timedelta(days=2)},
        make_line(): {"status": "resolved", "due_at": now},
    }
    for line, columns in changes.items():
        FailedRecord.objects.filter(pk=line.pk).update(**columns)


@pytest.mark.parametrize("query", ["", "?tab=all&p=1", "?tab=blocked", "?q=-tag:vip"])
@pytest.mark.parametrize("who", ["operator", "auditor"])
def test_rows_are_what_django_would_draw(request, odd_lines, who, query):
    page = request.getfixturevalue(who).get(LIST + query)
    changelist = page.context["cl"]
    theirs = ["".join(cells) for cells in results(changelist)]
    ours = list(changelist.rows)
    assert ours == theirs and ours
    assert all(f"<tr>{row}</tr>" in page.content.decode() for row in ours)


def test_a_list_reads_no_answers_of_the_other_side(operator, make_line):
    make_line()
    with CaptureQueriesContext(connection) as queries:
        operator.get(LIST)
    assert not [each for each in queries if '"raw"' in each["sql"]]


def test_the_addresses_of_rows_are_looked_up_once(operator, make_line, monkeypatch):
    asked = []

    def reverse(name, args):
        asked.append(name)
        return f"/{name}/0/end"

    monkeypatch.setattr(numbered, "reverse", reverse)
    lines = [make_line() for _ in range(4)]
    page = operator.get(f"{LIST}?tab=all").content.decode()
    assert len(asked) == len(set(asked)) == 4
    assert all(f"_fix/{line.pk}/end?_changelist_filters=tab" in page for line in lines)


def test_a_row_costs_few_calls(operator, make_line):
    def calls() -> int:
        operator.get(LIST)
        profile = cProfile.Profile()
        profile.runcall(operator.get, LIST)
        return pstats.Stats(profile).total_calls

    for _ in range(2):
        make_line()
    few = calls()
    for _ in range(20):
        make_line()
    assert (calls() - few) / 20 < MOST_CALLS_A_ROW


@pytest.mark.parametrize("part", [HOSTILE, SafeString("<i>&amp;</i>"), 7, ""])
def test_markup_is_filled_as_django_does_it(part):
    form = '<a href="{}" title="{}">{{}}</a>'
    assert filled(form, part, HOSTILE) == format_html(form, part, HOSTILE)
    assert isinstance(filled(form, part, part), SafeString)


def test_joined_parts_are_escaped_unless_they_are_markup():
    shown = joined("<br>", ["a & b", SafeString("<b>c</b>")])
    assert shown == "a &amp; b<br><b>c</b>" and isinstance(shown, SafeString)


@pytest.mark.parametrize(
    "span",
    [
        timedelta(**{unit: count})
        for unit in ("minutes", "hours", "days", "weeks")
        for count in (1, 2, 5, 11)
    ]
    + [timedelta(days=days) for days in (31, 62, 400, 800)],
)
def test_ages_are_told_in_djangos_own_words(span):
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    told = timesince(now - span, now, depth=1).replace("\xa0", " ")
    assert ago(now - span, now) == f"{told} ago"
    told = timeuntil(now + span, now, depth=1).replace("\xa0", " ")
    assert next_try(now + span, now) == f"in {told}"
