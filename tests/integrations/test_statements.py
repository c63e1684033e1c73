"""Statements that travel together: all of them count, or none."""

import pytest
from django.db import DataError, IntegrityError, connection, transaction

from integrations.models import Bell, statements
from integrations.models.statements import Step

pytestmark = pytest.mark.django_db(transaction=True)

INSERT = "INSERT INTO integrations_bell (lane, rung_at) VALUES (%(lane)s, {now})"
LANES = "SELECT lane FROM integrations_bell ORDER BY lane"


def insert(lane):
    return Step(INSERT, {"lane": lane})


def lanes():
    return [lane for (lane,) in statements.read(LANES, {})]


@pytest.fixture
def stands(db):
    Bell.objects.create(lane="stands")


@pytest.mark.parametrize("place", [0, 1, 2])
def test_f19_an_error_among_them_undoes_all_and_is_told_as_what_it_is(stands, place):
    steps = [insert("a"), insert("b")]
    steps.insert(place, insert("stands"))
    # Not as the "pipeline aborted" of those behind it, which would be tried again.
    with pytest.raises(IntegrityError), transaction.atomic():
        statements.run(*steps)
    assert lanes() == ["stands"]
    assert not connection.in_atomic_block


def test_f19_the_line_is_good_for_the_same_statements_after_an_error(stands):
    for _ in range(3):
        with pytest.raises(IntegrityError), transaction.atomic():
            statements.run(insert("a"), insert("stands"), insert("b"))
    with transaction.atomic():
        done = statements.run(insert("a"), Step(LANES, {}), insert("b"))
    assert [one.touched for one in done][::2] == [1, 1]
    assert done[1].rows == [("a",), ("stands",)]
    assert lanes() == ["a", "b", "stands"]


def test_f19_an_error_undoes_no_more_than_its_own_savepoint(stands):
    with transaction.atomic():
        statements.run(insert("before"))
        with pytest.raises(IntegrityError), transaction.atomic():
            statements.run(insert("a"), insert("stands"))
        statements.run(insert("after"))
    assert lanes() == ["after", "before", "stands"]


def test_f19_nothing_more_is_sent_in_a_transaction_that_is_broken(stands):
    with transaction.atomic():
        with pytest.raises(IntegrityError), transaction.atomic(savepoint=False):
            statements.run(insert("a"), insert("stands"))
        with pytest.raises(transaction.TransactionManagementError):
            statements.run(insert("b"))
    assert lanes() == ["stands"]


def test_a_value_that_the_database_refuses_is_an_error_of_its_own(stands):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite keeps texts of any length.")
    with pytest.raises(DataError), transaction.atomic():
        statements.run(insert("a"), insert("x" * 200), insert("b"))
    assert lanes() == ["stands"]
