"""What people are told of payouts: one alert per account, one per payout."""

from errorqueue.alerts import CALM, close_alert, raise_alert
from integrations.models import Connection, ring_alerts
from integrations.reconciliation.models import Payout, PayoutFetch
from integrations.reconciliation.words import sentence

PAGE = "/admin/reconciliation/payout/"
GOOD = (Payout.Standing.TIES, Payout.Standing.UNREAD)
SCOPES = "read_shopify_payments_accounts and read_shopify_payments_payouts"


def tell_failed(fetch: PayoutFetch) -> None:
    """Tell that payouts could not be read; the next good fetch ends it.

    Who never had a payout and asked for none is not told: the shop may not use this
    provider at all, and its app was given no scope for it.
    """
    connection = fetch.connection
    if connection.state == Connection.State.PAUSED:
        return  # by a person, who knows
    if fetch.asked_by_id is None and not connection.payouts.exists():
        return
    text = (
        f"{connection} could not be asked for its payouts: {fetch.problem} Nothing that "
        "was read before is lost; the next fetch goes on. If a scope is missing, give "
        f"the app {SCOPES}, then press Fetch now."
    )
    title = f"{connection}: payouts could not be fetched"
    _raise(_of_account(fetch), title, text, PAGE)


def tell_done(fetch: PayoutFetch) -> None:
    """End the alert of a fetch that failed; tell of payouts that cannot be read."""
    if not fetch.unread:
        close_alert(_of_account(fetch))
    else:
        title = f"{fetch.connection}: some payouts could not be read"
        _raise(_of_account(fetch), title, fetch.unread, PAGE)


def _of_account(fetch: PayoutFetch) -> str:
    return f"payouts:{fetch.connection_id}"


def tell_standing(payout: Payout) -> None:
    """Tell of a payout that its lines do not explain; end that when they do."""
    key = f"payout:{payout.pk}"
    if payout.wanted_by_id is not None:
        return
    if payout.problem or payout.standing not in GOOD:
        text = f"{sentence(payout)}. {payout.problem}".strip()
        title = f"{payout.connection}: {payout} does not tie to its lines"
        if payout.standing == Payout.Standing.UNMAPPED and not payout.problem:
            title = f"{payout.connection}: {payout} has lines of an unmapped type"
        _raise(key, title, text, f"{PAGE}{payout.pk}/change/")
    else:
        close_alert(key)


def _raise(key: str, title: str, text: str, link: str) -> None:
    if raise_alert(key, title, text, link, calm=CALM):
        ring_alerts()
