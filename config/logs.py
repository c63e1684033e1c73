"""Log lines that nobody can forge."""

import logging


class OneLine(logging.Formatter):
    """Keep each entry on one line, so foreign text cannot invent entries."""

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\r", "\\r").replace("\n", "\\n")
