"""People, records and deliveries for the tests of the pages."""

from decimal import Decimal
from pathlib import Path

from django.contrib.auth.models import Group, User

import integrations.configuration
from errorqueue.clock import database_time
from integrations.configuration.services import configure
from integrations.models import SyncRecord

ROLES = Path(integrations.configuration.__file__).with_name("roles.yaml")

ORDER = {
    "id": 1001,
    "name": "#1001",
    "email": "ada@example.com",
    "po_number": None,
    "total_price": "19.90",
    "line_items": [{"sku": "TEA-1", "price": "19.90", "quantity": 1}],
}


def in_group(name, group):
    """Make a person who has just the rights of one shipped group."""
    configure([str(ROLES)], {})
    user = User.objects.create_user(name, is_staff=True)
    user.groups.set([Group.objects.get(name=group)])
    return user


def make_record(flow, **changes):
    columns = {
        "flow": flow,
        "target_connection": flow.target,
        "source_key": "1001",
        "source": ORDER,
        "label": "#1001",
        "party": "Ada Lovelace",
        "email": "ada@example.com",
        "amount": Decimal("19.90"),
        "currency": "EUR",
        "due_at": database_time(),
    }
    return SyncRecord.objects.create(**columns | changes)
