"""Runs the benches and prints one table: python -m benchmarks [--only intake,claim]."""

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path

import django

from benchmarks import databases
from benchmarks.figures import Row, table, write
from benchmarks.machine import ROOT, this_machine
from benchmarks.plan import TEMPLATE, Plan, say

BENCHES = (
    "intake",
    "claim",
    "slots",
    "delivery",
    "growth",
    "memory",
    "latency",
    "mapping",
    "flash_sale",
    "gaps",
    "lists",
    "queue",
)
# What compares with a PostgreSQL feature, or fills millions of rows.
POSTGRESQL_ONLY = ("claim", "growth", "lists", "queue")
CONFIGURATION = ROOT / "integrations" / "configuration"


def main() -> None:
    # TERM ends us like Ctrl-C does: through every `finally`.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    arguments = read_arguments()
    with tempfile.TemporaryDirectory(prefix="waybill-bench-") as folder:
        where = databases.server(arguments.database, Path(folder))
        machine = this_machine(where.version())
        print(f"{machine}, commit {machine.commit}", flush=True)
        rows = run_all(arguments, where, Path(folder))
    print(f"\n{table(rows)}")
    options = {"quick": arguments.quick, "list_rows": arguments.rows}
    if not arguments.no_results:
        print(f"\nWritten to {write(rows, machine, options)}")
    sys.exit(any(row.met is False for row in rows) and arguments.strict)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--only", default="", help=f"of {', '.join(BENCHES)}")
    parser.add_argument("--quick", action="store_true", help="small, for development")
    parser.add_argument("--rows", type=int, default=0, help="rows of the long lists")
    parser.add_argument(
        "--database", choices=("postgresql", "sqlite"), default="postgresql"
    )
    parser.add_argument("--no-results", action="store_true", help="print only")
    parser.add_argument("--strict", action="store_true", help="a missed goal exits 1")
    arguments = parser.parse_args()
    arguments.rows = arguments.rows or (200_000 if arguments.quick else 5_000_000)
    arguments.names = chosen(parser, arguments)
    return arguments


def chosen(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> list[str]:
    names = [name for name in arguments.only.split(",") if name] or list(BENCHES)
    unknown = set(names) - set(BENCHES)
    if unknown:
        parser.error(f"no such bench: {', '.join(sorted(unknown))}")
    if arguments.database == "sqlite":
        return [name for name in names if name not in POSTGRESQL_ONLY]
    return names


def run_all(
    arguments: argparse.Namespace, where: databases.Server, folder: Path
) -> list[Row]:
    """Run the chosen benches one after the other; one that breaks stops no other."""
    environment = surroundings(folder)
    os.environ.update(environment)
    django.setup()  # the benches import models; here none of them is asked
    rows: list[Row] = []
    with ExitStack() as stack:
        url = stack.enter_context(databases.database(where, TEMPLATE))
        prepare({**environment, "DATABASE_URL": url})
        plan = Plan(arguments.quick, arguments.rows, where, environment)
        for name in arguments.names:
            rows += run_one(name, plan)
    return rows


def run_one(name: str, plan: Plan) -> list[Row]:
    print(f"\n{name}", flush=True)
    try:
        found: list[Row] = import_module(f"benchmarks.{name}").run(plan)
    except Exception as error:
        print(f"  {name} broke: {error!r}", file=sys.stderr, flush=True)
        return [Row(name, "broke", met=False, note=repr(error))]
    for row in found:
        say(f"{row.bench}: {row.product}, bare {row.bare or '–'}, ratio {row.ratio}")
    return found


def surroundings(folder: Path) -> dict[str, str]:
    """Return the environment of every process: keys, ports, a folder of its own."""
    from integrations.management.demo.keys import new_keys

    web, netsuite, shopify = free_ports(3)
    return {
        **new_keys().environment(),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "WAYBILL_VAR_DIR": str(folder),
        "DEMO_NETSUITE_URL": f"http://127.0.0.1:{netsuite}",
        "DEMO_SHOPIFY_URL": f"http://127.0.0.1:{shopify}",
        "WAYBILL_SITE_URL": f"http://127.0.0.1:{web}",
        "EMAIL_URL": "dummymail://",
        "LOG_LEVEL": os.environ.get("LOG_LEVEL", "ERROR"),
        "PYTHONUNBUFFERED": "1",
    }


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def prepare(environment: dict[str, str]) -> None:
    """Bring the template up to date and configure it as the demo is."""
    say("preparing the template database")
    files = [str(CONFIGURATION / f"{n}.yaml") for n in ("roles", "mappings", "demo")]
    manage(environment, "migrate", "--verbosity", "0")
    manage(environment, "collectstatic", "--no-input", "--verbosity", "0")
    manage(environment, "configure", *files, "--verbosity", "0")


def manage(environment: dict[str, str], *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "manage.py", *arguments],
        env={**os.environ, **environment},
        cwd=ROOT,
        check=True,
    )


if __name__ == "__main__":
    main()
