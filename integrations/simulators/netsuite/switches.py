"""Everything about the simulated account that a test or a person may switch."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

ALL_PERMISSIONS = frozenset(
    {
        "customer", "salesOrder", "item", "currency", "shipItem", "location",
        "subsidiary", "lists", "suiteql", "itemFulfillment", "itemReceipt", "invoice",
        "cashSale", "creditMemo", "cashRefund", "customerPayment",
        "returnAuthorization",
    }
)  # fmt: skip


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(eq=False)
class Switches:
    """How this account is set up.

    What Oracle documents is the default; what could not be confirmed is a switch,
    so that no client comes to depend on one answer.
    Seconds and counts are plain numbers; `now` is the account's clock, in UTC.
    """

    account_id: str = "123456_SB1"
    now: Callable[[], datetime] = utc_now
    time_zone: str = "America/Los_Angeles"
    release: str = "2026.1"

    allowance: int = 5
    overload_looks_like_bad_login: bool = False
    retry_after: int | None = None

    role_permissions: set[str] = field(default_factory=lambda: set(ALL_PERMISSIONS))
    is_administrator: bool = False
    forbidden_fields: set[str] = field(default_factory=set)

    invalid_client_status: int = 400
    tba_enabled: bool = True

    one_world: bool = False
    suitetax: bool = True
    price_level_wins: bool = True
    auto_numbering: bool = True
    default_order_status: str = "A"
    books_closed_until: date | None = None
    address_line_limit: int = 150
    mandatory_customer_fields: tuple[str, ...] = ()
    mandatory_order_fields: tuple[str, ...] = ()
    mandatory_fields: dict[str, tuple[str, ...]] = field(default_factory=dict)
    shipping_tax_references: tuple[str, ...] = ("shipping", "handling")

    advanced_shipping: bool = True
    default_ship_status: str = "C"
    bill_in_advance: bool = False
    refund_in_advance: bool = True
    orders_can_be_cancelled: bool = False
    transforms_take_unmentioned_lines: bool = True
    location_is_mandatory: bool = False
    order_line_is_the_unique_key: bool = False
    credit_applies_itself: bool = False
    credits_are_negative: bool = True

    duplicate_transaction_text: str = "This record already exists."
    below_fulfilled_text: str = (
        "The quantity of a line cannot be less than the quantity already fulfilled."
    )
    below_billed_text: str = (
        "The quantity of a line cannot be less than the quantity already billed."
    )
    used_line_text: str = (
        "This line cannot be removed or changed to another item because it has been "
        "fulfilled or billed."
    )
    cancelled_order_text: str = "The lines of a cancelled order cannot be changed."
    over_quantity_text: str = (
        "The quantity cannot be more than the quantity remaining on the order."
    )
    over_apply_text: str = "You cannot apply more than the amount due."
    over_payment_text: str = (
        "The amount applied cannot be more than the amount to apply."
    )
    detail_prefix: str = "Error while accessing a resource. "
    reference_error_code: str = "INVALID_CONTENT"
    warning_header: str = "X-NetSuite-Warning"
    upsert_location_echoes_external_id: bool = False
    read_only_fields_are_refused: bool = False

    restlet_units: int = 5000
    restlet_bytes: int = 10_000_000
    undeployed_scripts: frozenset[str] = frozenset()

    refused_tables: frozenset[str] = frozenset({"itemprice", "inventorybalance"})
    atomic_duplicates: bool = True
    race_window: float = 0.0
    query_lag: float = 0.0

    @property
    def account_host(self) -> str:
        """The account id as it stands in host names."""
        return self.account_id.lower().replace("_", "-")

    @property
    def realm(self) -> str:
        return self.account_id.upper().replace("-", "_")

    @property
    def release_number(self) -> tuple[int, int]:
        year, _, half = self.release.partition(".")
        return int(year), int(half or 1)

    @property
    def tba_is_supported(self) -> bool:
        """Token-based authentication ends (tentatively) with release 2028.1."""
        return self.tba_enabled and self.release_number < (2028, 1)
