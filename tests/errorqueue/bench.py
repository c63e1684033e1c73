"""A workbench that says what a test tells it to, and remembers what it was asked."""

from errorqueue import services
from errorqueue.failures import (
    Broken,
    FieldProblem,
    Light,
    Preflight,
    Reread,
    RetryOptions,
    Route,
    RouteKind,
    Start,
)
from errorqueue.models import FailedRecord

OPTIONS = RetryOptions(
    starts=(
        (Start.MAPPING, "From the mapping"),
        (Start.SENT, "Send the same document again"),
        (Start.LOOK, "Look first"),
    ),
    versions=((12, "Orders v4, the current one"), (9, "Orders v3, as at failure")),
    can_reread=True,
    can_look=True,
)
ROUTES = (
    Route(RouteKind.MEND, "Fix this record", "Shorten the postcode here.", "/x/"),
    Route(RouteKind.MAPPING, "Fix the mapping", "For all of them.", "/admin/mappings/"),
    Route(
        RouteKind.ELSEWHERE,
        "Open it in Shopify",
        "Mend it there.",
        "https://acme.myshopify.com/admin/orders/1",
        is_outside=True,
    ),
    Route(RouteKind.EXCLUDE, "Exclude it", "With a reason."),
)
ZIP = Broken(
    place="shipping.zip",
    label="Postcode",
    value="SW1A 1AA and a long remark",
    rule="at most 10 characters",
    remedy="Shorten it.",
    longest=10,
)
SHIP = Broken(
    place="shipping.method",
    label="Ship method",
    value="DHL Express",
    rule="one of NetSuite's ship methods",
    allowed=(("DHL", "DHL Paket"), ("UPS", "UPS Standard")),
)


class FakeBench:
    def __init__(self, subject):
        self.subject = subject

    options_given = OPTIONS
    given_routes = ROUTES
    given_broken = (ZIP,)
    still_wrong: tuple[FieldProblem, ...] = ()
    light = Preflight(Light.GREEN, "It would pass now.")
    found = Preflight(Light.GREEN, "NetSuite has no such order.")
    source_has = Reread('{\n "zip": "long"\n}', '{\n "zip": "SW1A"\n}', True, "m-1")
    raises: Exception | None = None

    def _ask(self, *asked):
        self.asked.append(asked)
        if self.raises:
            raise self.raises

    def options(self):
        return self.options_given

    def routes(self, problems):
        return self.given_routes

    def broken(self, problems):
        return self.given_broken

    def mend(self, values, by, reason):
        self._ask("mend", values, str(by), reason)
        if self.still_wrong:
            return self.still_wrong
        line = FailedRecord.objects.about(self.subject).open().get()
        services.note_edit(line, by, reason, "before", "after")
        services.retry(line, by, reason)
        return ()

    def preflight(self):
        self._ask("preflight")
        return self.light

    def look(self):
        self._ask("look")
        return self.found

    def adopt(self, target_id, by, reason):
        self._ask("adopt", target_id, str(by), reason)
        services.resolve(self.subject, f"Is {target_id}.", FailedRecord.Ending.THERE)

    def reread(self):
        self._ask("reread")
        return self.source_has

    def take_reread(self, mark, by):
        self._ask("take", mark, str(by))
