"""One log-in per role, and what the admin among them assumes."""

from decimal import Decimal

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group

from integrations.models import Assumption
from integrations.operations.home import assuming

PASSWORD = "waybill-demo"  # noqa: S105 (printed on purpose; refused in production)
PEOPLE = {
    "operator": "Operators",
    "finance": "Finance reviewers",
    "editor": "Mapping editors",
    "signer": "Signers",
    "admin": "Integration admins",
    "auditor": "Auditors",
}


def make_people() -> dict[str, str]:
    """Create or refresh the demo's users; return who belongs to which group."""
    for name, group in PEOPLE.items():
        _make(name, is_superuser=False).groups.set([Group.objects.get(name=group)])
    _make("owner", is_superuser=True)
    _assume()
    return {**PEOPLE, "owner": "superuser"}


def _assume() -> None:
    """Have the admin set the minutes of the outcome, unless somebody has."""
    if not Assumption.objects.exists():
        admin = get_user_model().objects.get(username="admin")
        minutes = {"order_minutes": Decimal(6), "error_minutes": Decimal(5)}
        assuming.assume(Assumption(**minutes), admin)


def _make(name: str, *, is_superuser: bool):  # type: ignore[no-untyped-def]
    user, _ = get_user_model().objects.get_or_create(
        username=name, defaults={"email": f"{name}@example.com"}
    )
    user.is_staff, user.is_superuser = True, is_superuser
    user.set_password(PASSWORD)
    user.save()
    return user
