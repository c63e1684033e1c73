from hashlib import sha256

import pytest
from django.db import DataError, OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from integrations.models import Bell, message
from integrations.models.message import Part, send

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        "connection.vendor != 'postgresql'", reason="A message of PostgreSQL's."
    ),
]

ENTER = "INSERT INTO integrations_bell (lane) VALUES (%(lane)s) ON CONFLICT DO NOTHING"
DIVIDE = "SELECT 1 / %(by)s::int"
KNOWN = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s"


def enter(lane: str) -> Part:
    return Part(ENTER, {"lane": lane})


def test_each_part_tells_how_many_rows_it_touched():
    assert send(enter("a"), enter("b"), enter("a")) == [1, 1, 0]
    assert set(Bell.objects.values_list("lane", flat=True)) == {"a", "b"}


def test_f01_a_part_that_fails_takes_the_others_along_and_leaves_the_line_good():
    for parts in ([enter("a"), Part(DIVIDE, {"by": 0})], [Part(DIVIDE, {"by": 0})]):
        with pytest.raises(DataError, match="division by zero"):
            send(*parts, enter("b"))
        assert not Bell.objects.exists()
    assert send(enter("b")) == [1]


def test_a_message_is_part_of_the_transaction_around_it_though_nothing_came_before():
    with pytest.raises(RuntimeError), transaction.atomic():
        send(enter("a"))
        raise RuntimeError
    assert not Bell.objects.exists()


def test_a_savepoint_takes_a_failed_message_back():
    with transaction.atomic():
        send(enter("a"))
        with pytest.raises(DataError), transaction.atomic():
            send(enter("b"), Part(DIVIDE, {"by": 0}))
    assert [bell.lane for bell in Bell.objects.all()] == ["a"]


def test_a_statement_is_prepared_once_for_a_line():
    connection.close()
    for lane in "abc":
        send(enter(lane))
    with connection.cursor() as cursor:
        cursor.execute(KNOWN, ["INSERT INTO integrations_bell%"])
        assert cursor.fetchone() == (1,)


@pytest.mark.parametrize("size", [0, 8192, 3_000_000])
def test_bytes_of_any_size_arrive_as_they_are(size):
    body = bytes(range(256)) * (size // 256)
    same = "INSERT INTO integrations_bell (lane) SELECT sha256(%(body)s)::text"
    send(Part(same, {"body": body}))
    assert Bell.objects.get().lane == f"\\x{sha256(body).hexdigest()}"


def test_f22_a_line_that_broke_is_told_so_and_a_new_one_serves():
    send(enter("a"))
    with connection.cursor() as cursor, pytest.raises(OperationalError):
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(OperationalError):
        send(enter("b"))
    assert not connection.is_usable()
    connection.close()
    assert send(enter("b")) == [1]


def test_f22_a_line_that_breaks_while_it_is_listened_to_does_not_hang():
    end = "SELECT pg_terminate_backend(pg_backend_pid()), %(lane)s::text"
    with pytest.raises(OperationalError):
        send(enter("a"), Part(end, {"lane": "a"}))
    connection.close()
    assert not Bell.objects.exists()


def test_a_talk_that_breaks_off_half_way_closes_the_line(monkeypatch):
    def broken_off(wire):
        raise QueryCanceled
        yield

    monkeypatch.setattr(message, "_results", broken_off)
    with pytest.raises(OperationalError):
        send(enter("a"))
    monkeypatch.undo()
    assert connection.connection.closed
    connection.close()
    assert send(enter("b")) == [1]


def test_what_the_line_forgot_is_prepared_again_and_nothing_is_done_twice():
    send(enter("a"))
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")  # as psycopg does after a rollback
    assert send(enter("b"), enter("b")) == [1, 0]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
        assert send(enter("c")) == [1]
    assert send(enter("d")) == [1]
    assert Bell.objects.count() == 4
