"""Serve the simulated vendors of the demo."""

import os
import socketserver
import threading
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from django.core.management.base import BaseCommand, CommandParser

from integrations.management.demo.stage import OF_FLOWS, set_stage
from integrations.management.processes import Stop
from integrations.simulators.base import Simulator
from integrations.simulators.netsuite import NetSuiteSimulator
from integrations.simulators.shopify import ShopifySimulator


class Command(BaseCommand):
    help = "Serve the NetSuite and Shopify simulators until asked to stop."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--netsuite-port", type=int, default=8011)
        parser.add_argument("--shopify-port", type=int, default=8012)
        parser.add_argument(
            "--journal", type=Path, help="Folder for journals of requests and effects."
        )
        parser.add_argument("--hook", default="http://127.0.0.1:8000/hooks/shopify/")

    def handle(self, *args: Any, **options: Any) -> None:
        netsuite = NetSuiteSimulator(account_id="123456_SB1")
        shopify = ShopifySimulator(shop="northwind-outdoor.myshopify.com")
        set_stage(netsuite, shopify, os.environ, options["hook"])
        for topic in OF_FLOWS:
            shopify.subscribe(topic, options["hook"])
        if options["journal"]:
            netsuite.keep_journal(options["journal"])
            shopify.keep_journal(options["journal"])
        stop = Stop()
        serve(netsuite, options["netsuite_port"])
        serve(shopify, options["shopify_port"])
        shopify.start()
        while not stop.wait(1):
            pass
        shopify.stop()


class ThreadingServer(socketserver.ThreadingMixIn, WSGIServer):
    """One thread per request, as the vendors' concurrency rules need."""

    daemon_threads = True
    request_queue_size = 128


class QuietHandler(WSGIRequestHandler):
    """Keeps no access log: the simulator has its own journal."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def serve(simulator: Simulator, port: int) -> WSGIServer:
    """Serve a simulator on this machine only, in a thread of its own."""
    server = make_server("127.0.0.1", port, simulator, ThreadingServer, QuietHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
