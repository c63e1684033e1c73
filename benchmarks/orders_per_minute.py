"""Orders per minute through the whole demo, with one NetSuite slot and with five.

Runs web, workers and both simulators on ports of their own with a database of its
own; every NetSuite answer takes 300 ms. Prints one line per allowance and the ratio,
which is what matters on a noisy machine.

    python benchmarks/orders_per_minute.py [--orders 60] [--milliseconds 300]
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINES = [["TENT-2P", "Two-person tent", "249.00", 1]]
OPTIONS = {
    "port": 8100,
    "netsuite_port": 8111,
    "shopify_port": 8112,
}


def main() -> None:
    arguments = read_arguments()
    folder = tempfile.mkdtemp(prefix="waybill-bench-")
    os.environ.setdefault("WAYBILL_VAR_DIR", folder)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    sys.path.insert(0, str(ROOT))
    import django

    django.setup()
    rates = [measure(slots, arguments) for slots in (1, 5)]
    print(f"ratio of five slots to one: {rates[1] / rates[0]:.2f}")


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orders", type=int, default=60)
    parser.add_argument("--milliseconds", type=int, default=300)
    return parser.parse_args()


def measure(slots: int, arguments: argparse.Namespace) -> float:
    """Return orders per minute with `slots` requests allowed at once."""
    from integrations.management.commands.demo import Stage
    from integrations.management.demo.orders import next_number
    from integrations.models import Connection

    stage = Stage(OPTIONS)
    stage.prepare()
    Connection.objects.filter(slug="netsuite").update(allowance=slots)
    try:
        stage.start()
        tell(stage, "settings", {"latency": arguments.milliseconds / 1000})
        first, known = next_number(), delivered()
        began = time.monotonic()
        for number in range(first, first + arguments.orders):
            place(stage, number, f"bench{slots}@example.com")
        wait_until_delivered(known + arguments.orders)
        seconds = time.monotonic() - began
    finally:
        stage.stop()
    rate = arguments.orders / seconds * 60
    print(
        f"{slots} slot(s): {arguments.orders} orders in {seconds:.1f} s, {rate:.0f}/min"
    )
    return rate


def tell(stage, address: str, body: dict) -> None:
    import requests

    url = f"{stage.url('NetSuite')}/_simulator/{address}"
    requests.post(url, json=body, timeout=10).raise_for_status()


def place(stage, number: int, email: str) -> None:
    import requests

    order = {"number": number, "lines": LINES, "email": email}
    url = f"{stage.url('Shopify')}/_simulator/orders"
    requests.post(url, json=order, timeout=10).raise_for_status()


def wait_until_delivered(goal: int) -> None:
    from integrations.models import SyncRecord

    while delivered() < goal:
        failed = SyncRecord.objects.filter(state="failed").count()
        if failed:
            raise SystemExit(f"{failed} orders failed; the figure would mean nothing")
        time.sleep(0.1)


def delivered() -> int:
    from integrations.models import SyncRecord

    return SyncRecord.objects.filter(
        flow__slug="shopify-orders", state="delivered"
    ).count()


if __name__ == "__main__":
    main()
