"""A small document of either environment, and people with one role each."""

from django.contrib.auth.models import Permission, User

from mappings import services
from mappings.models import MappingDocument, MappingVersion, Scenario, ScenarioRun

Environment = MappingDocument.Environment


def make_line(
    environment: str = Environment.PRODUCTION,
    *,
    live: bool = False,
    slug: str = "web-orders",
) -> MappingDocument:
    """Return a document of orders; `live` gives it a first version in force."""
    document = MappingDocument.objects.create(
        name=slug.replace("-", " ").capitalize(),
        slug=slug,
        source_system="shopify",
        source_entity="order",
        target_system="netsuite",
        target_record="salesOrder",
        environment=environment,
    )
    if live:
        first = new_draft(document, None)
        services.go_live(first, None)
    return document


def new_draft(document: MappingDocument, by: User | None) -> MappingVersion:
    """Start a draft that holds at least a memo."""
    draft = services.new_draft(document, by)
    if not draft.rows.exists():
        draft.rows.create(target="memo", kind="copy", source="note", position=10)
    return draft


def person(name: str, *rights: str) -> User:
    made = User.objects.create_user(name, password="x", is_staff=True)
    made.user_permissions.set(
        Permission.objects.filter(
            content_type__app_label="mappings", codename__in=rights
        )
    )
    return User.objects.get(pk=made.pk)


def change_memo(draft: MappingVersion, source: str = "name") -> None:
    draft.rows.filter(target="memo").update(source=source)


def add_price(draft: MappingVersion, source: str = "total_price") -> None:
    """Change money: finance has to sign that as well."""
    draft.rows.create(target="custbody_amount", kind="copy", source=source, position=20)


def require_scenario(slug: str = "zero-value") -> Scenario:
    """Ask for one scenario of these orders before anybody may sign."""
    return Scenario.objects.create(
        slug=slug,
        name="Zero-value order",
        group=Scenario.Group.EDGE,
        source_system="shopify",
        source_entity="order",
        key=slug,
        what="An order of 0.00",
        expected="It is delivered",
    )


def play(scenario: Scenario, version: MappingVersion, state: str = "passed") -> None:
    """Leave the row that a run of the scenario leaves."""
    from errorqueue.clock import database_time

    ScenarioRun.objects.create(
        scenario=scenario,
        version=version,
        digest=version.digest,
        state=state,
        asked_at=database_time(),
    )
