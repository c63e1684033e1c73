"""Signed webhooks into gunicorn, beside a bare loop doing the same inserts."""

import socket
import statistics
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from benchmarks import bare, crew, orders
from benchmarks.figures import Row, at_least, at_most, median_ratio, percentile
from benchmarks.plan import Plan, say
from benchmarks.stage import Stage

SIZE = 5000
CLIENTS = 4
LINES = 8


def run(plan: Plan) -> list[Row]:
    with plan.inside("intake") as inside:
        found = inside.call(
            "intake",
            "measure",
            rounds=plan.rounds(),
            count=2000 if plan.quick else 6000,
        )
    ratio = median_ratio(found["product"], found["bare"])
    tail = statistics.median(found["p99"]) / statistics.median(found["p50"])
    goal = {} if plan.is_sqlite else at_least(0.40, ratio)
    return [
        Row(
            "intake, requests/s",
            f"{statistics.median(found['product']):.0f}",
            f"{statistics.median(found['bare']):.0f}",
            **{"ratio": ratio, **goal},
            note=f"{LINES} kept lines to gunicorn 2 x 4, {SIZE} B each; bare: "
            f"{CLIENTS} processes, two inserts and a commit each.",
        ),
        Row(
            "intake, p99 over p50",
            f"{statistics.median(found['p99']) * 1000:.1f} ms",
            f"{statistics.median(found['p50']) * 1000:.1f} ms",
            **at_most(10, tail),
        ),
    ]


def measure(rounds: int, count: int) -> dict[str, list[float]]:
    """Return requests a second of both sides, and percentiles, for each round."""
    found: dict[str, list[float]] = {"product": [], "bare": [], "p50": [], "p99": []}
    make_bare_tables()
    text = orders.of_size(SIZE)
    with Stage() as stage:
        hook = stage.web()
        crew.together(shoot, [(hook, text, 400)])
        for number in range(rounds):
            shots = crew.together(shoot, [(hook, text, count)])
            loops = crew.together(insert, [(text, count // 2)] * CLIENTS)
            found["product"].append(crew.rate(shots))
            found["bare"].append(crew.rate(loops))
            found["p50"].append(percentile(shots[0].details, 0.50))
            found["p99"].append(percentile(shots[0].details, 0.99))
            say(f"round {number + 1}: {found['product'][-1]:.0f}/s, "
                f"bare {found['bare'][-1]:.0f}/s")  # fmt: skip
        check_all_kept(400 + rounds * count)
    return found


def make_bare_tables() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for table, mould in (
            ("bare_inbox", "integrations_inboxevent"),
            ("bare_bell", "django_q_ormq"),
        ):
            cursor.execute(_like(connection.vendor, cursor, table, mould))
        cursor.execute("CREATE UNIQUE INDEX bare_once ON bare_inbox (delivery_id)")


def _like(vendor: str, cursor: Any, table: str, mould: str) -> str:
    if vendor == "postgresql":
        return f"CREATE TABLE {table} (LIKE {mould} INCLUDING ALL)"
    cursor.execute(f"SELECT sql FROM sqlite_master WHERE name = '{mould}'")
    return str(cursor.fetchone()[0]).replace(mould, table, 1)


def check_all_kept(wanted: int) -> None:
    from integrations.models import InboxEvent

    kept = InboxEvent.objects.count()
    if kept != wanted:
        raise RuntimeError(f"{wanted} deliveries were acknowledged, {kept} are kept")


def shoot(ready: Callable[[], None], argument: tuple[str, bytes, int]) -> crew.Finish:
    """Send signed deliveries over kept lines; details are the seconds of each."""
    hook, text, count = argument
    signed = [orders.request(hook, text) for _ in range(count)]
    shares = [signed[number::LINES] for number in range(LINES)]
    seconds: list[float] = []
    threads = [
        threading.Thread(target=_send_all, args=(hook, share, seconds))
        for share in shares
    ]
    ready()
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ended = time.monotonic()
    if len(seconds) != count:
        raise RuntimeError("a delivery was not acknowledged")
    return crew.Finish(count, began, ended, seconds)


def _send_all(hook: str, signed: list[bytes], seconds: list[float]) -> None:
    host, port = hook.split("/")[2].split(":")
    with socket.create_connection((host, int(port))) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for one in signed:
            began = time.perf_counter()
            line.sendall(one)
            answer = _answer(line)
            if b" 202 " not in answer[:20]:
                raise RuntimeError(answer[:200].decode())
            seconds.append(time.perf_counter() - began)


def _answer(line: socket.socket) -> bytes:
    """Read one empty answer, with or without a stated length."""
    answer = line.recv(4096)
    while b"\r\n\r\n" not in answer:
        answer += line.recv(4096)
    if b"chunked" in answer:
        while not answer.endswith(b"\r\n0\r\n\r\n"):
            answer += line.recv(4096)
    return answer


def insert(ready: Callable[[], None], argument: tuple[bytes, int]) -> crew.Finish:
    """Insert the delivery and a wake-up, commit, again and again."""
    text, count = argument
    line = bare.connect()
    delivery, wake_up = _statements()
    values = _values(text)

    def work() -> int:
        for _ in range(count):
            line.execute(delivery, (str(uuid.uuid4()), *values))
            line.execute(wake_up, ("waybill", "x" * 200, values[-1]))
            line.commit()
        return count

    try:
        return crew.timed(ready, work)
    finally:
        line.close()


def _statements() -> tuple[str, str]:
    names = (
        "delivery_id, connection_id, topic, event_id, reason, state, tries, body, "
        "headers, digest, received_at"
    )
    marks = ", ".join(["%s"] * 11)
    return (
        f"INSERT INTO bare_inbox ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING",
        'INSERT INTO bare_bell (key, payload, "lock") VALUES (%s, %s, %s)',
    )


def _values(text: bytes) -> tuple[Any, ...]:
    import json

    told = json.dumps(orders.headers(text))
    now = datetime.now(UTC)
    event = "b9a3e1d0-0000-0000-0000-000000000000"
    head = (1, "orders/create", event, "", "received", 0)
    return (*head, text, told, "0" * 64, now)
