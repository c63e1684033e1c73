"""How the web server runs: `gunicorn --config config/gunicorn.py config.wsgi`."""

from typing import Any

from gunicorn.glogging import Logger

from config.logs import Lines
from config.settings import LOG_FORMAT
from integrations.management.processes import die_with_parent


class ServerLog(Logger):
    """The server's own lines, which look like all others.

    Requests are not logged: a proxy does that, and addresses tell of people.
    """

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(Lines(LOG_FORMAT))


logger_class = ServerLog
workers = 2
threads = 4
loglevel = "warning"
control_socket_disable = True


def post_fork(arbiter: Any, worker: Any) -> None:
    """End a worker with its master: a frozen one cannot see that it was left alone.

    What it was taking in was either committed or is sent again by its source.
    """
    die_with_parent()
