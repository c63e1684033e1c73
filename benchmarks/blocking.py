"""The task of a plain worker: one call that blocks, one row written."""

import requests
from django_q.tasks import async_task

from integrations.models import Connection

PATH = "/services/rest/record/v1/salesOrder"


def call(url: str) -> None:
    """Call the vendor as a task that knows nothing of slots and drains."""
    Connection.objects.get(slug="netsuite")
    requests.post(url + PATH, json={"externalId": "plain"}, timeout=300)


def queue_calls(url: str, count: int) -> None:
    for _ in range(count):
        async_task("benchmarks.blocking.call", url)
