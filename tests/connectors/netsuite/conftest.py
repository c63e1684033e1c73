"""A NetSuite connector on a written line."""

import pytest

from integrations.connectors.netsuite.connector import NetSuite
from tests.connectors.line import account

TBA = {
    "consumer_key": "CK-demo",
    "consumer_secret": "CS-demo",
    "token_id": "TK-demo",
    "token_secret": "TS-demo",
}


@pytest.fixture
def netsuite(line, around) -> NetSuite:
    return NetSuite(account(credentials=TBA), around.services())
