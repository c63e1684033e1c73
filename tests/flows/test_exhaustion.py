"""What runs out: threads, file handles, processes, disk, connections, the line itself.

Whatever it is, nothing is half done, nothing is lost, and the work goes on by itself
once there is room again.
"""

import errno
import io
import logging
import resource
import threading
from contextlib import contextmanager, nullcontext, suppress
from unittest.mock import patch

import pytest
from django.core import mail
from django.db import InterfaceError, OperationalError, connection, connections
from django.test import Client
from psycopg.errors import DiskFull

from errorqueue import failpoints
from errorqueue.alerts import raise_alert
from errorqueue.lost_logs import Console, lost_lines
from errorqueue.models import Alert, FailedRecord
from integrations.connectors.base import Services
from integrations.connectors.errors import ConnectionFailed
from integrations.connectors.http import ApiClient
from integrations.inbox import doors
from integrations.inbox import services as inbox
from integrations.management import unwritable
from integrations.management.commands import work
from integrations.management.group import Group
from integrations.models import (
    Attempt,
    AuditEntry,
    InboxEvent,
    Slot,
    SyncRecord,
    WorkerGroup,
    message,
)
from integrations.sync import log_loss, outcome, runner
from integrations.sync.clusters import host_name
from integrations.sync.drain import drain as drain_connection
from tests.flows.test_intake import post, secret, signed
from tests.flows.test_orders import post_order
from tests.flows.test_protocol import claimed, creates, order_of, target

__all__ = ["claimed", "post_order", "secret", "target"]

pytestmark = pytest.mark.django_db(transaction=True)
State = SyncRecord.State
on_server = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="an embedded database has no line"
)


@pytest.fixture(autouse=True)
def _nothing_remembered():
    doors.forget_all()


@pytest.fixture
def waiting(post_order, netsuite, target):
    """An order in the ledger, not delivered yet, and its customer in front."""

    def enter(number):
        post_order(number=number)
        inbox.read_waiting()

    return enter


@contextmanager
def no_file_handles():
    """Let this process open nothing any more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# Threads, file handles, processes


@pytest.mark.parametrize("threads", [0, 1, 2])
def test_f14_without_threads_nothing_stays_claimed_and_no_slot_taken(
    waiting, netsuite, target, drain, monkeypatch, threads
):
    waiting(6001)
    start, left = threading.Thread.start, [threads]

    def few(thread):
        if not left[0]:
            raise RuntimeError("can't start new thread")
        left[0] -= 1
        start(thread)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", few)
        with pytest.raises(RuntimeError) if threads < 2 else nullcontext():
            drain_connection(target.pk)
    assert not SyncRecord.objects.filter(state=State.RUNNING).exists()
    assert not SyncRecord.objects.filter(crashes__gt=0).exists()
    assert not Slot.objects.filter(lease_until__isnull=False).exists()
    drain()
    assert order_of(6001).state == State.DELIVERED
    assert len(creates(netsuite)) == 1


def test_f14_without_file_handles_the_intake_answers_503_and_then_goes_on(demo, secret):
    client = Client()
    post(b"{}", {}, path="/hooks/nobody/", client=client)  # all code is loaded
    connection.close()
    with no_file_handles():
        response = post(b"{}", signed(b"{}", secret), client=client)
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert not InboxEvent.objects.exists()
    assert post(b"{}", signed(b"{}", secret)).status_code == 202


def test_f14_without_file_handles_a_request_surely_was_not_sent():
    client = ApiClient("NetSuite", "http://127.0.0.1:9", Services(tokens=None))
    with no_file_handles(), pytest.raises(ConnectionFailed) as caught:
        client.request("GET", "/")
    assert not caught.value.sent


def test_f14_a_supervisor_that_cannot_fork_tries_again(db, monkeypatch):
    group, forks = Group(), []

    def fork(process):
        forks.append(process)
        if len(forks) < 3:
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr("multiprocessing.process.BaseProcess.start", fork)
    monkeypatch.setattr("integrations.management.fork.connections.close_all", int)
    for _ in range(2):
        with pytest.raises(BlockingIOError):
            group.look()
    group.look()
    assert len(forks) == 3
    alive = WorkerGroup.objects.filter(ended_at=None)
    assert [one.generation for one in alive] == [group.generation]


# Disk


@contextmanager
def full_disk():
    """Let the database take no more, as on a full volume."""
    if connection.vendor == "postgresql":
        # Deliveries are kept by a message of their own, past Django's cursors.
        with (
            connection.execute_wrapper(_refuse_writes),
            patch.object(message, "_exchange", side_effect=DiskFull("No space left")),
        ):
            yield
    else:
        with connection.cursor() as cursor:
            cursor.execute("VACUUM")  # what others left free is room, too
        _grow_to(0)
        yield
        _grow_to(2**30)


def _grow_to(pages):
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA page_count")
        [now] = cursor.fetchone()
        cursor.execute(f"PRAGMA max_page_count = {pages or now}")


def _refuse_writes(execute, sql, params, many, context):
    if any(verb in sql.upper() for verb in ("INSERT", "UPDATE", "EXECUTE")):
        raise OperationalError("could not extend file: No space left on device")
    return execute(sql, params, many, context)


def test_f20_a_full_disk_is_answered_503_and_kept_once_there_is_room(demo, secret):
    body = b'{"id": 1, "note": "' + b"x" * 200_000 + b'"}'
    with full_disk():
        assert post(body, signed(body, secret)).status_code == 503
    assert not InboxEvent.objects.exists()
    assert post(body, signed(body, secret)).status_code == 202


def test_f20_with_a_full_disk_no_request_leaves_and_the_record_goes_later(
    claimed, netsuite, drain, let_pass, monkeypatch
):
    record = claimed(6102)
    monkeypatch.setattr(runner, "PAUSES", (0.0,))
    # An embedded database would find room for a row or two inside its file.
    with connection.execute_wrapper(_refuse_writes), pytest.raises(OperationalError):
        runner.run(record, nullcontext)
    assert creates(netsuite) == []
    let_pass(25)
    drain()
    assert order_of(6102).state == State.DELIVERED
    assert len(creates(netsuite)) == 1


def test_f20_a_database_that_takes_nothing_is_told_once_by_mail_alone(db, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(unwritable.time, "monotonic", lambda: clock[0])
    watch, group = unwritable.Unwritable(), Group()

    def look(passes):
        for _ in range(passes):
            clock[0] += 2
            with suppress(OperationalError):
                work._look(group, watch)

    def refuse(execute, sql, params, many, context):
        raise OperationalError("No space left on device")

    monkeypatch.setattr(group, "look", lambda: WorkerGroup.objects.update(pid=1))
    with connection.execute_wrapper(refuse):
        look(29)
        assert mail.outbox == []
        look(200)
        [told] = mail.outbox
        assert "takes nothing" in told.subject and "No space left" in told.body
    look(2)
    assert len(mail.outbox) == 2 and "again" in mail.outbox[1].subject


# The log


class Volume(io.StringIO):
    """Where the log goes; full until told otherwise."""

    is_full = True

    def write(self, text):
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)


@pytest.fixture
def volume():
    root, handler = logging.getLogger(), Console(Volume())
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield handler.stream
    root.removeHandler(handler)
    root.setLevel(level)
    log_loss._told.clear()


def test_f21_with_a_full_log_volume_everything_goes_on_and_people_are_told_once(
    post_order, netsuite, drain, volume
):
    for number in (6151, 6152):
        post_order(number=number)
        drain()
    assert order_of(6152).state == State.DELIVERED
    assert lost_lines() > 0
    [alert] = Alert.objects.all()
    assert "Log lines" in alert.title and alert.sent_at
    assert len(mail.outbox) == 1

    volume.is_full = False
    post_order(number=6153)
    drain()
    assert "could not be written" in volume.getvalue()
    assert Alert.objects.get().closed_at


def test_f21_a_new_process_that_loses_no_line_ends_what_a_dead_one_told(db):
    raise_alert(f"logs:{host_name()}", "Log lines are lost", "Text")
    log_loss._told.clear()
    log_loss.note()
    assert Alert.objects.get().closed_at


def test_a_log_line_of_a_wrong_shape_is_no_lost_line(capsys):
    handler = Console(io.StringIO())
    handler.emit(logging.makeLogRecord({"msg": "%d", "args": ("no number",)}))
    assert lost_lines() == handler.lost == 0
    assert "Logging error" in capsys.readouterr().err


# Connections, and the line itself


def test_f22_threads_without_a_connection_leave_their_records_to_a_later_drain(
    waiting, netsuite, target, drain, let_pass, monkeypatch
):
    waiting(6201)
    database = type(connections["default"])
    connect = database.get_new_connection

    def only_here(wrapper, params):
        if threading.current_thread() is not threading.main_thread():
            raise OperationalError("remaining connection slots are reserved")
        return connect(wrapper, params)

    with monkeypatch.context() as patch:
        patch.setattr(database, "get_new_connection", only_here)
        drain_connection(target.pk)
    assert creates(netsuite) == []
    assert not Attempt.objects.exists()
    for _ in range(3):
        let_pass(25)
        drain()
    assert order_of(6201).state == State.DELIVERED
    assert len(creates(netsuite)) == 1
    assert not FailedRecord.objects.exists()


def cut(wrapper=connection):
    """End this session from another one, as a failing line or an admin would."""
    import psycopg

    pid = wrapper.connection.info.backend_pid
    told = wrapper.get_connection_params()
    names = {"dbname", "host", "port", "user", "password"}
    told = {name: value for name, value in told.items() if name in names}
    with psycopg.connect(**told) as other:
        other.execute("select pg_terminate_backend(%s, 2000)", [pid])


@pytest.fixture
def cut_at(monkeypatch):
    """Cut the line in the middle of the transaction that calls a function, once."""

    def at(owner, name):
        function, times = getattr(owner, name), [1]

        def cut_once(*args, **kwargs):
            found = function(*args, **kwargs)
            if times:
                times.pop()
                cut()
            return found

        monkeypatch.setattr(owner, name, cut_once)

    return at


@on_server
def test_f18_a_line_cut_within_the_outcome_settles_once_and_sends_once(
    claimed, netsuite, cut_at, monkeypatch
):
    record = claimed(6301)
    monkeypatch.setattr(runner, "PAUSES", (0.0,))
    cut_at(outcome, "link")
    runner.run(record, nullcontext)
    assert order_of(6301).state == State.DELIVERED
    assert len(creates(netsuite)) == 1
    assert (
        AuditEntry.objects.filter(subject_id=record.pk, verb="delivered").count() == 1
    )
    assert [one.outcome for one in record.attempts.all()] == ["delivered"]


@on_server
def test_f18_a_line_cut_within_the_intent_sends_nothing_and_the_record_goes_later(
    claimed, netsuite, drain, let_pass, cut_at, monkeypatch
):
    record = claimed(6302)
    monkeypatch.setattr(runner, "PAUSES", (0.0,))
    cut_at(runner, "digest_of")
    runner.run(record, nullcontext)
    assert creates(netsuite) == []
    for _ in range(2):
        let_pass(25)
        drain()
    assert order_of(6302).state == State.DELIVERED
    assert len(creates(netsuite)) == 1


@on_server
def test_f18_a_line_cut_while_a_delivery_is_read_leaves_it_whole(
    post_order, netsuite, drain, let_pass, cut_at
):
    post_order(number=6303)
    cut_at(InboxEvent, "close")
    inbox.read_waiting()
    unread = InboxEvent.objects.filter(state=InboxEvent.State.RECEIVED)
    assert [event.tries for event in unread] == [0]
    assert not SyncRecord.objects.filter(event__in=unread).exists()
    let_pass(25)
    drain()
    assert order_of(6303).state == State.DELIVERED
    assert not FailedRecord.objects.exists()


@on_server
def test_f18_a_line_cut_within_a_claim_claims_nothing(
    waiting, netsuite, target, drain, monkeypatch
):
    waiting(6304)
    with monkeypatch.context() as patch:
        patch.setattr(
            failpoints, "hit", lambda place: place == "claim.before_commit" and cut()
        )
        with pytest.raises((OperationalError, InterfaceError)):
            drain_connection(target.pk)
    connection.close()
    assert not SyncRecord.objects.filter(crashes__gt=0).exists()
    drain()
    assert order_of(6304).state == State.DELIVERED
