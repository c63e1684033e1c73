"""The crash harness from the command line.

python -m tests.crash storm --seed 7 --minutes 5 --events 5000 --faults 400 --kills 120
python -m tests.crash matrix --seed 7
python -m tests.crash planted --seed 7
"""

import argparse
import secrets
import sys
from pathlib import Path

from tests.crash.auditor import audit, search_secrets
from tests.crash.events import ORDERS
from tests.crash.findings import Findings
from tests.crash.report import Report, report
from tests.crash.stand import Stand
from tests.crash.storm import DRAIN_LIMIT_SECONDS, Storm, ends_on_term

RESULTS = Path(__file__).resolve().parents[2] / "var" / "crash"
# What may stand in no table and no log.
SECRETS = (
    "DEMO_SHOPIFY_CLIENT_SECRET",
    "DEMO_NETSUITE_PRIVATE_KEY",
)


def main() -> int:
    options = _options()
    ends_on_term()
    return {"storm": storm, "matrix": matrix, "planted": planted}[options.mode](options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.crash", description=__doc__)
    parser.add_argument("mode", choices=("storm", "matrix", "planted"))
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--events", type=int, default=5000)
    parser.add_argument("--faults", type=int, default=400)
    parser.add_argument("--kills", type=int, default=120)
    parser.add_argument("--orders", type=float, default=ORDERS, help="Their share.")
    parser.add_argument("--drain", type=float, default=DRAIN_LIMIT_SECONDS)
    parser.add_argument("--settings", default="config.settings")
    parser.add_argument("--keep", action="store_true", help="Keep the run's folder.")
    parser.add_argument("--only", nargs="*", default=[], help="Cells or bugs by name.")
    return parser.parse_args()


def storm(options: argparse.Namespace) -> int:
    """Run one storm and print its block; 0 when every promise held."""
    stand = Stand(options.seed, settings=options.settings)
    print(f"seed {options.seed}, folder {stand.folder}", flush=True)
    with stand:
        found = rage(stand, options)
    print(found.text(), flush=True)
    found.write(RESULTS / f"{options.seed}.json")
    if found.broken:
        print(found.findings.text())
    if not (options.keep or found.broken):
        stand.clear()
    return bool(found.broken)


def rage(stand: Stand, options: argparse.Namespace) -> Report:
    """Play a storm over a running stand, stop its workers, and audit."""
    run = Storm(
        stand,
        options.seed,
        options.minutes * 60,
        options.events,
        options.faults,
        options.kills,
        options.orders,
        options.drain,
    )
    run.rage()
    run.stop_politely()
    return report(run, audited(stand))


def audited(stand: Stand) -> Findings:
    """Audit a stand that has come to rest."""
    dsn = stand.database.dsn
    found = audit(stand.folder, dsn)
    logs = sorted((stand.folder / "logs").glob("*.log"))
    search_secrets(found, dsn, logs, {x: stand.environment[x] for x in SECRETS})
    return found


def matrix(options: argparse.Namespace) -> int:
    from tests.crash.matrix import run

    return run(options)


def planted(options: argparse.Namespace) -> int:
    from tests.crash.planted import run

    return run(options)


if __name__ == "__main__":
    sys.exit(main())
