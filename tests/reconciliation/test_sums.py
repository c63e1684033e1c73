"""Lines, kinds, parts and net: not one minor unit is lost between them."""

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from integrations.admin.waterfall import bars_of, steps_of
from integrations.connectors.payouts import Kind, LineFound
from integrations.reconciliation.sums import Share, parts_of, sum_up

AT = datetime(2026, 11, 12, tzinfo=UTC)
DECIMALS = {"JPY": 0, "EUR": 2, "KWD": 3}


def line(kind, amount, fee, net=None, currency="EUR", type_name=""):
    whole, cost = Decimal(amount), Decimal(fee)
    given_net = whole - cost if net is None else Decimal(net)
    name = type_name or kind.upper()
    return LineFound("1", name, kind, whole, cost, given_net, currency, AT)


@st.composite
def payouts(draw):
    """Draw lines of one currency with its decimals; some nets are not amount less fee."""
    currency = draw(st.sampled_from(sorted(DECIMALS)))
    units = st.integers(-(10**11), 10**11)
    unit = Decimal(1).scaleb(-DECIMALS[currency])

    def money():
        return units.map(lambda count: count * unit)

    kinds = st.sampled_from(list(Kind))
    rows = st.tuples(kinds, money(), money(), st.none() | money())
    drawn = draw(st.lists(rows, max_size=40))
    return currency, [line(*one, currency=currency) for one in drawn]


@given(payouts())
def test_f79_no_minor_unit_is_lost_between_lines_kinds_parts_and_net(drawn):
    currency, lines = drawn
    counted = [one for one in lines if one.kind != Kind.PAYOUT]

    sums = sum_up(lines, currency)
    kept = {k: Share.of_json(share.as_json()) for k, share in sums.kinds.items()}

    assert kept == sums.kinds
    assert sums.net == sum((one.net for one in counted), Decimal(0))
    assert sum((one.net for one in kept.values()), Decimal(0)) == sums.net
    assert sum(one.count for one in kept.values()) == sums.count == len(counted)
    parts = parts_of(kept)
    assert sum((part.money for part in parts), Decimal(0)) == sums.net


@given(payouts(), st.integers(-1000, 1000))
def test_f81_the_waterfall_ends_at_the_net_and_shows_what_is_missing(drawn, units):
    currency, lines = drawn
    sums = sum_up(lines, currency)
    net = sums.net + units * Decimal(1).scaleb(-DECIMALS[currency])

    steps = steps_of(parts_of(sums.kinds), net, sums.net)

    moves = [step.money for step in steps if not step.is_sum]
    assert sum(moves, Decimal(0)) == net == steps[-1].money
    missing = [step.money for step in steps if step.key == "unexplained"]
    assert missing == ([net - sums.net] if units else [])
    for bar in bars_of(steps):
        assert 0 <= bar.left <= 100
        assert bar.left + bar.width <= Decimal("100.1")


@given(payouts(), payouts())
def test_f80_a_line_in_another_currency_is_counted_and_never_added(one, other):
    currency, mine = one
    strange, lines = other
    strangers = [x for x in lines if x.kind != Kind.PAYOUT and strange != currency]

    sums = sum_up([*mine, *strangers], currency)

    assert sums.net == sum_up(mine, currency).net
    assert sum(sums.strangers.values()) == len(strangers)


def test_what_a_sale_costs_stands_under_fees():
    lines = [
        line(Kind.SALE, "100.00", "3.20"),
        line(Kind.REFUND, "-20.00", "0.00"),
        line(Kind.DISPUTE, "-10.00", "15.00"),
        line(Kind.FEE, "-1.00", "0.00"),
        line(Kind.ADJUSTMENT, "-1.50", "-0.25", net="-1.75"),
    ]

    found = {p.key: (p.count, p.money) for p in parts_of(sum_up(lines, "EUR").kinds)}

    assert found == {
        "sales": (1, Decimal("100.00")),
        "refunds": (1, Decimal("-20.00")),
        "fees": (4, Decimal("-18.95")),
        "disputes": (1, Decimal("-10.00")),
        "adjustments": (1, Decimal("-1.50")),
        "odd": (1, Decimal("-0.50")),
    }
