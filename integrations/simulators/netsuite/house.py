"""What stands beside the vendor's addresses: pages for people, controls for tests."""

import re
from collections.abc import Callable

from integrations.simulators.base import Request, Response
from integrations.simulators.netsuite.account import Account
from integrations.simulators.netsuite.control import Control
from integrations.simulators.netsuite.pages import Pages

_POLICY = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


class House:
    """Routes requests to pages and controls; neither needs a log-in."""

    def __init__(self, account: Account) -> None:
        pages, control = Pages(account), Control(account)
        self.routes: list[tuple[str, str, Callable[..., Response]]] = [
            ("GET", r"/", pages.index),
            ("GET", r"/style\.css", pages.style),
            ("GET", r"/ui/orders/(?P<key>\d+)", pages.order),
            ("GET", r"/ui/records/(?P<name>\w+)/(?P<key>\d+)", pages.record),
            ("POST", r"/ui/items", pages.add_item),
            ("POST", r"/ui/customers", pages.add_customer),
            ("POST", r"/ui/orders", pages.add_order),
            ("POST", r"/ui/orders/(?P<key>\d+)/(?P<act>\w+)", pages.act),
            ("POST", r"/ui/stock", pages.set_stock),
            ("POST", r"/ui/prices", pages.set_price),
            ("GET", r"/_simulator/state", control.state),
            ("GET", r"/_simulator/journal", control.journal),
            ("GET", r"/_simulator/records/(?P<name>\w+)", control.records),
            ("POST", r"/_simulator/faults", control.faults),
            ("DELETE", r"/_simulator/faults", control.forget_faults),
            ("POST", r"/_simulator/access", control.access),
            ("POST", r"/_simulator/settings", control.settings),
            ("POST", r"/_simulator/certificates", control.certificates),
            ("POST", r"/_simulator/tokens", control.tokens),
            ("POST", r"/_simulator/stock", control.stock),
            ("POST", r"/_simulator/items", control.items),
            ("POST", r"/_simulator/prices", control.prices),
            ("POST", r"/_simulator/change", control.change),
            ("POST", r"/_simulator/transform", control.transform),
            ("GET", r"/_simulator/feed", control.feed_state),
            ("POST", r"/_simulator/feed", control.feed),
            ("POST", r"/_simulator/refresh", control.refresh),
        ]

    def respond(self, request: Request) -> Response:
        """Answer a request from a person or a test."""
        if request.method == "POST" and is_foreign(request):
            return Response(403, "Forms are taken from this page only.", dict(_PLAIN))
        for method, pattern, handler in self.routes:
            match = re.fullmatch(pattern, request.path)
            if match and method == request.method:
                response = handler(request, **match.groupdict())
                response.headers = {**_POLICY, **response.headers}
                return response
        return Response(404, "There is no such page.", dict(_PLAIN))


_PLAIN = {"Content-Type": "text/plain; charset=utf-8"}


def is_foreign(request: Request) -> bool:
    """Say whether another site sent this form through somebody's browser."""
    origin = request.headers.get("Origin", "")
    return bool(origin) and origin.partition("://")[2] != request.host
