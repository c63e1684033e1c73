"""Where a version may be tried: never at a production account."""

from dataclasses import dataclass

from integrations.models import CachedLookup, Connection, Flow, SyncRecord
from integrations.sync.twins import account_key, address_key
from mappings.models import MappingVersion

LOOKED_AT = 20


class NotAllowed(ValueError):
    """This version cannot be tried there, said in words."""


@dataclass(frozen=True)
class Stand:
    """A flow that a version may be tried through, or why it may not."""

    flow: Flow
    problem: str = ""


def stands_for(version: MappingVersion) -> list[Stand]:
    """Return every flow of this kind of record; those that may be used come first."""
    document = version.document
    fitting = Flow.objects.filter(
        source__system=document.source_system,
        source_entity=document.source_entity,
        target__system=document.target_system,
        target_record=document.target_record,
    )
    flows = fitting.select_related("source", "target", "mapping").order_by("name")
    closed = _production_accounts()
    stands = [Stand(flow, _problem(flow.target, closed)) for flow in flows]
    return sorted(stands, key=lambda one: bool(one.problem))


def refuse_production(flows: list[Flow]) -> None:
    """Raise NotAllowed unless each target is a sandbox that may be called now."""
    closed = _production_accounts()
    for flow in flows:
        problem = _problem(flow.target, closed)
        if problem:
            raise NotAllowed(problem)


@dataclass(frozen=True)
class _Closed:
    """The accounts and addresses of every production connection."""

    accounts: frozenset[tuple[str, str]]
    addresses: frozenset[tuple[str, int, str]]


def _production_accounts() -> _Closed:
    production = Connection.Environment.PRODUCTION
    found = list(Connection.objects.filter(environment=production))
    return _Closed(
        frozenset(account_key(one) for one in found),
        frozenset(address_key(one) for one in found),
    )


def _problem(target: Connection, closed: _Closed) -> str:
    if target.environment != Connection.Environment.SANDBOX:
        return (
            f"{target} is a production connection: scenarios never run there. "
            "Choose a sandbox of the same system."
        )
    if account_key(target) in closed.accounts:
        return (
            f"{target} calls itself a sandbox, but a production connection has the "
            f"same account {target.account_id}: scenarios never run there."
        )
    if address_key(target) in closed.addresses:
        return (
            f"{target} calls itself a sandbox, but its base URL is the address of a "
            "production connection: scenarios never run there. Correct the base URL."
        )
    if not target.is_usable:
        state = target.get_state_display().lower() if not target.is_ready else "resting"
        return f"{target} cannot be called now ({state}). Check the connection first."
    return ""


def known_sku(flow: Flow) -> str:
    """Propose an article that the sandbox knows: one that was found there lately."""
    found = CachedLookup.objects.filter(
        connection=flow.target, record__in=("item", "inventoryItem"), by="sku"
    ).order_by("-found_at")
    ours = _articles_of_flow(flow)
    names = list(found.values_list("value", flat=True)[:LOOKED_AT])
    return next((one for one in names if one in ours), "") or next(iter(ours), "")


def _articles_of_flow(flow: Flow) -> dict[str, None]:
    """Return the articles of the latest records that were delivered."""
    latest = SyncRecord.objects.filter(flow=flow, state=SyncRecord.State.DELIVERED)
    texts = latest.exclude(skus="").values_list("skus", flat=True)[:LOOKED_AT]
    return dict.fromkeys(sku for text in texts for sku in text.split())
