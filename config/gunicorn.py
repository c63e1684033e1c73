"""How the web server runs: `gunicorn --config config/gunicorn.py config.wsgi`."""

from typing import Any

from integrations.management.processes import die_with_parent

workers = 2
threads = 4
loglevel = "warning"
control_socket_disable = True


def post_fork(arbiter: Any, worker: Any) -> None:
    """End a worker with its master: a frozen one cannot see that it was left alone.

    What it was taking in was either committed or is sent again by its source.
    """
    die_with_parent()
