"""Weekly maintenance in files: entered, changed, cancelled, and exported."""

import pytest
import yaml

from integrations.configuration.export import export_text
from integrations.configuration.problems import ConfigurationRefused
from integrations.models import Connection, MaintenanceWindow

WEEKLY = """
    weekly_maintenance:
      - {from: 2026-11-22 02:00, to: 2026-11-22 06:00, zone: Europe/Berlin, reason: Weekly window}
"""


@pytest.fixture
def planned(shop_text):
    """Return the files with a window for the first connection."""
    return lambda extra=WEEKLY: shop_text.replace(
        "    allowance: 3\n", f"    allowance: 3\n{extra.strip(chr(10))}\n", 1
    )


@pytest.fixture
def shop_text():
    from tests.configuration.conftest import SHOP

    return SHOP


def open_windows():
    return MaintenanceWindow.objects.filter(cancelled_at=None)


def test_a_weekly_window_is_entered_once_and_comes_back_out(run, planned):
    outcome = run(planned())
    assert "connection shopify: weekly maintenance entered: Weekly window" in (
        outcome.changes
    )
    window = open_windows().get()
    assert (window.is_weekly, window.zone) == (True, "Europe/Berlin")
    assert f"{window.starts_at:%H:%M}" == "01:00"
    assert not any("maintenance" in line for line in run(planned()).changes)
    exported = yaml.safe_load(export_text())["connections"]
    [shop] = [one for one in exported if one["slug"] == "shopify"]
    assert shop["weekly_maintenance"] == [
        {
            "from": "2026-11-22 02:00",
            "to": "2026-11-22 06:00",
            "zone": "Europe/Berlin",
            "reason": "Weekly window",
        }
    ]


def test_a_list_without_it_cancels_it_and_no_list_leaves_it(run, planned, shop_text):
    run(planned())
    run(shop_text)
    assert open_windows().count() == 1
    outcome = run(planned("    weekly_maintenance: []\n"))
    assert "connection shopify: weekly maintenance cancelled: Weekly window" in (
        outcome.changes
    )
    assert not open_windows().exists()
    assert Connection.objects.get(slug="shopify").windows.count() == 1


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("Europe/Berlin", "Europe/Berlinn", "no time zone"),
        ("to: 2026-11-22 06:00", "to: 2026-11-22 01:00", "end after its start"),
        ("to: 2026-11-22 06:00", "to: six", "2026-11-22 02:00"),
        (", reason: Weekly window", "", "reason"),
    ],
)
def test_what_is_wrong_is_named(run, planned, old, new, says):
    with pytest.raises(ConfigurationRefused) as refused:
        run(planned(WEEKLY.replace(old, new)))
    assert says in str(refused.value)
    assert not MaintenanceWindow.objects.exists()
