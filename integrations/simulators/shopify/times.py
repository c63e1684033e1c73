"""Times: webhooks carry the shop's offset, GraphQL carries UTC with a Z."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

SHOP_TIMEZONE = "America/New_York"


def utc_now() -> datetime:
    return datetime.now(UTC)


def shop_time(moment: datetime | str, timezone: str = SHOP_TIMEZONE) -> str:
    """Write a moment as webhooks do: whole seconds, offset of the shop."""
    if isinstance(moment, str):
        return moment
    return moment.astimezone(ZoneInfo(timezone)).isoformat(timespec="seconds")


def parse_time(text: str) -> datetime:
    """Read a time of either form; a bare date is midnight UTC."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def zulu(text: str | datetime | None) -> str | None:
    """Write a time as GraphQL does."""
    if not text:
        return None
    moment = parse_time(text) if isinstance(text, str) else text
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
