"""Controls for other processes: JSON in, JSON out, below /_simulator/."""

from collections.abc import Callable
from dataclasses import asdict, fields
from datetime import date
from decimal import Decimal
from typing import Any

from integrations.simulators.base import Request, Response
from integrations.simulators.netsuite import exactjson
from integrations.simulators.netsuite.account import Account
from integrations.simulators.netsuite.record_types import record_type
from integrations.simulators.netsuite.refusals import Refusal
from integrations.simulators.netsuite.rendering import moment
from integrations.simulators.netsuite.switches import Switches

_FAULT = {"status", "times", "retry_after", "lost", "latency", "path", "body", "late"}
_SECONDS = {"latency", "late"}
_FEED = {"url", "secret", "lose", "double", "forge", "swap"}
_NAMED_FAULT = {"name", "times", "path", "lost"}
_SWITCHES = {one.name: one.type for one in fields(Switches)} | {"latency": float}


class BadControl(ValueError):
    """The control request makes no sense."""


class Control:
    """Answers control requests for one account."""

    def __init__(self, account: Account) -> None:
        self.account = account

    def state(self, request: Request) -> Response:
        account = self.account
        with account.lock:
            return _json(
                {
                    "account_id": account.account_id,
                    "allowed": not account.gate.closed,
                    "customers": len(account.store.of_type("customer")),
                    "items": sum(1 for _ in account.store.of_family("item")),
                    "orders": len(account.store.of_type("salesOrder")),
                    "journal": len(account.journal),
                    "failed_logins": len(account.audit_trail),
                    "allowance": account.allowance,
                    "latency": Decimal(str(account.latency)),
                    "in_flight": account.in_flight,
                    "most_in_flight": account.most_in_flight,
                    "over_allowance": account.over_allowance,
                }
            )

    def journal(self, request: Request) -> Response:
        """Return the journal, from line `since` on where given."""
        since = int(request.query.get("since") or 0)
        with self.account.lock:
            calls = self.account.journal[since:]
        lines = [{**asdict(call), "at": Decimal(str(call.at))} for call in calls]
        return _json(lines)

    def records(self, request: Request, name: str) -> Response:
        """Return all records of a type as they are stored."""
        kind = record_type(name)
        if kind is None:
            return _json({"error": f"no record type {name}"}, 404)
        return _json(self.account.stored(kind.name))

    def faults(self, request: Request) -> Response:
        return self._do(request, self._plan_fault)

    def forget_faults(self, request: Request) -> Response:
        self.account.forget_faults()
        return _json({"done": True})

    def access(self, request: Request) -> Response:
        return self._do(request, self._set_access)

    def settings(self, request: Request) -> Response:
        return self._do(request, self._set_switches)

    def certificates(self, request: Request) -> Response:
        return self._do(request, lambda given: self.account.add_certificate(**given))

    def tokens(self, request: Request) -> Response:
        return self._do(request, lambda given: self.account.add_token(**given))

    def stock(self, request: Request) -> Response:
        return self._do(request, lambda given: self.account.set_stock(**given))

    def items(self, request: Request) -> Response:
        """Add an item, or change the fields of one that has this SKU already."""
        return self._do(request, self._set_item)

    def prices(self, request: Request) -> Response:
        return self._do(request, lambda given: self.account.set_price(**given))

    def change(self, request: Request) -> Response:
        """Change a record as a person in the account would."""
        return self._do(request, self._change)

    def transform(self, request: Request) -> Response:
        """Make one transaction from another, as a person would, and say its id."""
        made: list[str] = []
        answer = self._do(request, lambda given: made.append(self._make(given)))
        return _json({"id": made[0]}) if made else answer

    def feed_state(self, request: Request) -> Response:
        """Return what the change feed pushed and what came of it."""
        return _json(self.account.feed.state())

    def feed(self, request: Request) -> Response:
        return self._do(request, self._set_feed)

    def refresh(self, request: Request) -> Response:
        return self._do(request, lambda given: self.account.refresh_sandbox())

    def _do(self, request: Request, act: Callable[[dict[str, Any]], None]) -> Response:
        try:
            given = exactjson.loads(request.body or b"{}")
            if not isinstance(given, dict):
                raise BadControl("send an object")
            act(given)
        except (Refusal, ValueError, TypeError, LookupError) as error:
            return _json({"error": str(error)}, 400)
        return _json({"done": True})

    def _set_item(self, given: dict[str, Any]) -> None:
        if self.account.store.holder("item", str(given.get("sku", ""))) is None:
            self.account.add_item(**given)
        else:
            self.account.change_item(given.pop("sku"), **given)

    def _change(self, given: dict[str, Any]) -> None:
        _refuse_unknown(given, {"record", "id", "fields"})
        kind = _known(given["record"])
        self.account.change(kind, str(given["id"]), **given["fields"])

    def _make(self, given: dict[str, Any]) -> str:
        _refuse_unknown(given, {"record", "id", "target", "fields"})
        kind, target = _known(given["record"]), _known(given["target"])
        fields = given.get("fields", {})
        return self.account.make(kind, str(given["id"]), target, **fields)

    def _set_feed(self, given: dict[str, Any]) -> None:
        """Say where changes are pushed to, or what shall go wrong with the next."""
        _refuse_unknown(given, _FEED)
        feed = self.account.feed
        for name in given:
            kind = str if name in ("url", "secret") else int
            setattr(feed, name, kind(given[name]))
        if feed.url:
            feed.start()

    def _plan_fault(self, given: dict[str, Any]) -> None:
        _refuse_unknown(given, _NAMED_FAULT if "name" in given else _FAULT)
        if "name" in given:
            self.account.fail_as(given.pop("name"), **given)
            return
        given |= {name: float(given[name]) for name in _SECONDS & given.keys()}
        if isinstance(given.get("body"), dict | list):
            given["body"] = exactjson.dumps(given["body"])
        self.account.fail_next(**given)

    def _set_access(self, given: dict[str, Any]) -> None:
        if given.get("allowed") not in (True, False):
            raise BadControl('say {"allowed": true} or {"allowed": false}')
        if given["allowed"]:
            self.account.restore_access()
        else:
            self.account.revoke_access()

    def _set_switches(self, given: dict[str, Any]) -> None:
        _refuse_unknown(given, _SWITCHES.keys() - {"now"})
        with self.account.lock:
            for name, value in given.items():
                setattr(self.account, name, _converted(name, value, self.account))


def _known(name: Any) -> str:
    kind = record_type(str(name))
    if kind is None:
        raise BadControl(f"no record type {name}")
    return kind.name


def _refuse_unknown(given: dict[str, Any], known: set[str]) -> None:
    unknown = sorted(given.keys() - known)
    if unknown:
        raise BadControl(f"unknown: {', '.join(unknown)}")


def _converted(name: str, value: Any, account: Account) -> Any:
    """Bring a value from JSON into the type that the switch has."""
    if name == "books_closed_until":
        return date.fromisoformat(value) if value else None
    present = getattr(account, name)
    if present is None:
        return value
    if isinstance(present, bool) != isinstance(value, bool):
        raise BadControl(f"wrong kind of value for {name}")
    return type(present)(value)


def _json(body: Any, status: int = 200) -> Response:
    return Response(
        status, exactjson.dumps(_plain(body)), {"Content-Type": "application/json"}
    )


def _plain(value: Any) -> Any:
    """Write dates as text; everything else is JSON already."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if hasattr(value, "astimezone"):
        return moment(value)
    return value.isoformat() if isinstance(value, date) else value
