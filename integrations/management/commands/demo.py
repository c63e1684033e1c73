"""Fill and play a shop: everything a first look needs, by one command."""

import os
import socket
import time
from pathlib import Path
from typing import Any

import requests
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.management.demo.keys import demo_keys
from integrations.management.demo.orders import orders
from integrations.management.demo.people import PASSWORD, make_people
from integrations.management.processes import Child, Stop, manage
from integrations.models import Connection
from integrations.sync.lookups import forget_all

CONFIGURATION = Path(__file__).resolve().parents[2] / "configuration"
# Each file in `flows` is a flow of its own: its document, its tables, what it needs.
FLOWS = tuple(
    f"flows/{path.stem}" for path in sorted(CONFIGURATION.glob("flows/*.yaml"))
)
FILES = (
    *("roles", "routing", "mappings", "demo"),
    *FLOWS,
    *("demo-alerts", "scenarios"),
)
READY_SECONDS = 60
STOP_SECONDS = 30
AWAY = {"status": 503, "times": 12, "body": "<h1>Scheduled maintenance</h1>"}


class Command(BaseCommand):
    help = "Set up and run the demo: database, people, vendors, web, workers, orders."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--netsuite-port", type=int, default=8011)
        parser.add_argument("--shopify-port", type=int, default=8012)
        parser.add_argument(
            "--no-orders", action="store_true", help="Start without playing orders."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("The demo has known passwords; not in production.")
        stage = Stage(options)
        stage.refuse_taken_ports()
        stage.prepare()
        people = make_people()
        stop = Stop()
        try:
            stage.start()
            if not options["no_orders"]:
                stage.play()
            self.stdout.write(stage.welcome(people))
            while not stop.wait(1):
                stage.keep_alive()
        finally:
            self.stdout.write("Stopping …")
            stage.stop()


class Stage:
    """The demo's processes and their addresses."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.ports: dict[str, int] = {
            "Waybill": options["port"],
            "NetSuite": options["netsuite_port"],
            "Shopify": options["shopify_port"],
        }
        self.keys = demo_keys(settings.VAR_DIR / "demo")
        self.environment = {
            **self.keys.environment(),
            "DEMO_NETSUITE_URL": self.url("NetSuite"),
            "DEMO_SHOPIFY_URL": self.url("Shopify"),
            "WAYBILL_SITE_URL": self.url("Waybill"),
            # Three slashes and the path's own: one is eaten by the reader.
            "EMAIL_URL": f"filemail:///{settings.VAR_DIR / 'demo' / 'mails'}",
            "PYTHONUNBUFFERED": "1",
            # The addresses and log-ins stay in sight; LOG_LEVEL=INFO tells every call.
            "LOG_LEVEL": os.environ.get("LOG_LEVEL", "WARNING"),
        }
        self.children: list[Child] = []

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def refuse_taken_ports(self) -> None:
        """Say which port is in use, before anything is started."""
        for name, port in self.ports.items():
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    raise CommandError(
                        f"Port {port} ({name}) is in use. Is a demo running already? "
                        f"Stop it, or choose another with --port, --netsuite-port, "
                        f"--shopify-port."
                    )

    def prepare(self) -> None:
        """Bring database, static files and configuration up to date."""
        os.environ.update(self.environment)
        (settings.VAR_DIR / "demo" / "mails").mkdir(parents=True, exist_ok=True)
        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        if Connection.objects.filter(slug="netsuite").exists():
            self._welcome_back()
        else:
            files = [str(CONFIGURATION / f"{name}.yaml") for name in FILES]
            call_command("configure", *files, verbosity=0)

    def _welcome_back(self) -> None:
        """Keep what people changed; the vendors begin empty and maybe elsewhere."""
        for slug, vendor in (("netsuite", "NetSuite"), ("shopify", "Shopify")):
            connections = Connection.objects.filter(slug=slug)
            connections.update(base_url=self.url(vendor))
            for connection in connections:
                forget_all(connection)

    def start(self) -> None:
        """Start vendors, web and workers; return when they answer."""
        hook = f"{self.url('Waybill')}/hooks/shopify/"
        self._child(
            "simulators",
            manage(
                "simulators",
                f"--netsuite-port={self.ports['NetSuite']}",
                f"--shopify-port={self.ports['Shopify']}",
                f"--hook={hook}",
            ),
        )
        self._child("web", self._gunicorn())
        self._child("workers", manage("work"))
        for address in (f"{self.url('Waybill')}/health/", self.url("NetSuite")):
            wait_for(address)
        wait_for(self.url("Shopify"))

    def _gunicorn(self) -> list[str]:
        python = manage()[0]
        bind = f"127.0.0.1:{self.ports['Waybill']}"
        return [
            *(python, "-m", "gunicorn", "--config", "python:config.gunicorn"),
            *("--bind", bind, "config.wsgi"),
        ]

    def _child(self, name: str, command: list[str]) -> None:
        child = Child(name, command, self.environment)
        child.start()
        self.children.append(child)

    def play(self) -> None:
        """Place the demo's orders in the store; its webhooks do the rest.

        NetSuite is away for the first few, so that a look at the error queue in the
        first minute shows how a time-out heals by itself.
        """
        self._tell("NetSuite", "faults", {**AWAY, "path": "salesOrder"})
        for order in orders():
            self._tell("Shopify", "orders", order)

    def _tell(self, vendor: str, what: str, body: dict[str, Any]) -> None:
        address = f"{self.url(vendor)}/_simulator/{what}"
        requests.post(address, json=body, timeout=10).raise_for_status()

    def keep_alive(self) -> None:
        for child in self.children:
            child.keep_alive()

    def stop(self) -> None:
        for child in reversed(self.children):
            child.stop(STOP_SECONDS)

    def welcome(self, people: dict[str, str]) -> str:
        """Return addresses and log-ins, for the terminal."""
        rows = [f"    {name:<10} {role}" for name, role in people.items()]
        return "\n".join(
            [
                "",
                f"  Waybill             {self.url('Waybill')}/admin/",
                f"  NetSuite (played)   {self.url('NetSuite')}/",
                f"  Shopify (played)    {self.url('Shopify')}/",
                f"  Mails of alerts     {settings.VAR_DIR / 'demo' / 'mails'}",
                "",
                f"  Log in with the password {PASSWORD} as",
                *rows,
                "",
                "  Begin as operator: the error queue. Ctrl-C stops everything.",
                "  What you change here is kept; the played vendors begin anew each time.",
                "",
            ]
        )


def wait_for(address: str) -> None:
    """Return when `address` answers; raises CommandError after a minute."""
    give_up = time.monotonic() + READY_SECONDS
    while time.monotonic() < give_up:
        try:
            if requests.get(address, timeout=2).ok:
                return
        except requests.RequestException:
            pass
        time.sleep(0.2)
    raise CommandError(f"{address} did not answer within {READY_SECONDS} s.")
