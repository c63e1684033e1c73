"""Nouns for tests of connectors: a written line and its surroundings."""

import pytest
import requests

from integrations.connectors import http
from tests.connectors.line import Line, Surroundings


@pytest.fixture
def line(monkeypatch) -> Line:
    written = Line()

    def session() -> requests.Session:
        made = requests.Session()
        made.trust_env = False
        made.mount("https://", written)
        made.mount("http://", written)
        return made

    monkeypatch.setattr(http, "new_session", session)
    return written


@pytest.fixture
def naps(monkeypatch) -> list[float]:
    """How long the client waited between tries, without waiting."""
    taken: list[float] = []
    monkeypatch.setattr(http.time, "sleep", taken.append)
    return taken


@pytest.fixture
def around() -> Surroundings:
    return Surroundings()
