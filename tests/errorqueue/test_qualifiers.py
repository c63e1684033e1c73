"""Each qualifier finds what it says, its negation the rest, and a wrong one says why."""

from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest

from errorqueue.clock import database_time
from errorqueue.failures import FailureKind
from errorqueue.models import BulkItem, BulkRun, Cause, CauseMerge, FailedRecord, Tag
from errorqueue.query import (
    LONGEST,
    Unreadable,
    lines_for,
    parse,
    quoted,
    value_in,
    with_term,
)
from tests.errorqueue.pages import LIST, rows_of, text_of


@pytest.fixture
def pair(make_line, olga, flow):
    """Two lines that differ in everything; the first one is wanted."""
    now = database_time()
    wanted = make_line(
        FailureKind.MAPPING,
        minutes=300,
        label="#10412",
        party="Acme Outdoor Ltd",
        email="Jane@Acme.example",
        skus="ABC-1 XYZ",
        amount=Decimal("640.50"),
        source_key="gid://shopify/Order/777000",
        external_id="shopify-acme-order-777000",
    )
    other = make_line(
        FailureKind.DATA,
        minutes=5,
        label="#20999",
        party="Nakamura",
        email="ken@tokyo.example",
        skus="HAMMOCK",
        amount=Decimal(9),
        source_key="gid://shopify/Order/888000",
    )
    FailedRecord.objects.filter(pk=wanted.pk).update(
        assignee=olga,
        due_at=now + timedelta(hours=1),
        preflight="green",
        is_unknown=True,
        flow="Orders to NetSuite",
        blocked_by=other,
    )
    FailedRecord.objects.filter(pk=other.pk).update(flow="Customers")
    other.keys.filter(name="field").delete()
    wanted.tags.add(Tag.objects.create(name="vip"))
    run = BulkRun.objects.create(verb="retry", made_at=now, pk=37)
    BulkItem.objects.create(run=run, line=wanted, position=1, state="failed")
    BulkItem.objects.create(run=run, line=other, position=2, state="done")
    return SimpleNamespace(wanted=wanted.pk, other=other.pk, cause=wanted.cause_id)


FINDS = [
    "order:10412",
    "order:#10412",
    "ORDER:104",
    "sku:abc",
    "sku:ABC-1",
    "sku:nope,abc",
    'customer:"Acme Outdoor"',
    "customer:outdoor",
    "email:jane@acme.example",
    "email:acme.example",
    "source:777000",
    "external:shopify-acme-order-777000",
    "field:zip",
    "field:shippingAddress.z",
    "kind:mapping",
    "kind:Mapping,conflict",
    "flow:orders",
    'flow:"Orders to NetSuite"',
    "age:>4h",
    "due:<2h",
    "due:<1d",
    "amount:>500",
    "amount:640.50",
    "amount:100..700",
    "assignee:me",
    "assignee:ol",
    "tag:vip",
    "tag:VIP",
    "light:green",
    "is:unknown",
    "is:mine",
    "bulk:37",
    "behind:ERR-{other}",
    "err:{wanted}",
    "ERR-{wanted}",
    "cause:CAUSE-{cause}",
    "cause:{cause}",
    "order:10412 sku:ABC -kind:data amount:>500",
]


@pytest.mark.parametrize("text", FINDS)
def test_a_qualifier_finds_its_lines(pair, olga, text):
    text = text.format(**vars(pair))
    found = lines_for(f"tab=all&q={text.replace('#', '%23')}", olga)
    assert [line.pk for line in found] == [pair.wanted]


@pytest.mark.parametrize("text", [text for text in FINDS if " " not in text])
def test_a_hyphen_turns_a_qualifier_round(pair, olga, text):
    text = "-" + text.format(**vars(pair))
    found = lines_for(f"tab=all&q={text.replace('#', '%23')}", olga)
    assert [line.pk for line in found] == [pair.other]


@pytest.mark.parametrize(
    "text",
    [
        "age:<1h",
        "amount:<100",
        "due:none",
        "assignee:none",
        "light:none",
        "order:20999",
        "-order:10412",
        "-10412",
        '-"Acme Outdoor"',
        "kind:data",
    ],
)
def test_the_other_one_is_found_by_the_opposite(pair, olga, text):
    assert [line.pk for line in lines_for(f"q={text}", olga)] == [pair.other]


def test_a_cause_is_found_by_its_words_and_where_it_was_merged_into(pair, olga):
    Cause.objects.filter(pk=pair.cause).update(text="Ship method is not known")
    words = 'q=cause:"ship method"'
    assert [line.pk for line in lines_for(words, olga)] == [pair.wanted]
    now = database_time()
    old = Cause.objects.create(
        fingerprint="old",
        kind="mapping",
        text="Shipping code unheard of",
        merged_into_id=pair.cause,
        first_seen_at=now,
        last_seen_at=now,
    )
    CauseMerge.objects.create(cause=old, into_id=pair.cause, by=olga, at=now)
    assert [line.pk for line in lines_for("q=cause:unheard", olga)] == [pair.wanted]


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("ordr:10412", "Did you mean order:10412?"),
        ("nonsense:1", 'put them in quotes: "nonsense:1"'),
        ("order:", "order: needs a value right after the colon, such as order:10412"),
        ('order:" "', "order: needs a value"),
        ("kind:,", "kind: needs a value"),
        ("kind:wrong", "kind:wrong is not known. Use kind:temporary, kind:limit"),
        ("light:blue", "light:blue is not known. Use light:green"),
        ("is:what", "is:what is not known. Use is:unknown"),
        ("status:gone", "status:gone is not known. Use status:person"),
        ("age:4h", "age:4h is no time. Write < or >"),
        ("age:>4y", "such as age:>4h"),
        ("due:soon", "such as due:<2h"),
        ("amount:>1,240", "Write it with a point and without a currency"),
        ("amount:NaN", "amount:NaN is no amount"),
        ("amount:>1e9", "amount:>1e9 is no amount"),
        ("amount:>٣", "is no amount"),
        ("tag:none-such", "There is no tag “none-such” yet"),
        ("assignee:zed", "Nobody's name begins with “zed”"),
        ("flow:zed", 'Flows with failures: "Customers", "Orders to NetSuite"'),
        ("bulk:99", "There is no bulk run 99"),
        ("bulk:x", "There is no bulk run x"),
        ("bulk:" + "9" * 40, "There is no bulk run"),
        ("behind:them", "Write it as behind:ERR-4821"),
        ("err:9999999999999999999", "Write it as err:ERR-4821"),
        ('customer:"Acme', "A quotation mark is missing"),
        ("a " * 20, "Use at most 12 words"),
        ("x" * (LONGEST + 1), "longer than 500 characters"),
    ],
)
def test_f94_a_wrong_qualifier_is_named_with_its_remedy(pair, operator, text, remedy):
    answer = operator.get(LIST, {"q": text})
    assert answer.status_code == 200
    assert "This search cannot be read, so nothing is shown." in text_of(answer)
    assert remedy in text_of(answer)
    assert rows_of(answer) == []


def test_a_plan_never_means_more_than_a_readable_search(pair, olga):
    with pytest.raises(Unreadable, match="Did you mean order"):
        lines_for("tab=all&q=ordr:1", olga)


@pytest.mark.parametrize(
    "text",
    [
        "gid://shopify/Order/777000",
        "12:30",
        'a"b"c',
        '""',
        "-",
        "--",
        "%",
        "_",
        "\\",
        "'; DROP TABLE x --",
        "\x00order:1",
        "order:\x00",
        "ERR-9999999999999999999999",
        "\ud800",
        "order:%",
        "sku:__",
        "-x -y -z",
    ],
)
def test_odd_searches_never_fail(pair, operator, text):
    text = text.encode("utf-8", "replace").decode()
    assert operator.get(LIST, {"q": text}).status_code == 200
    assert operator.get(f"{LIST}complete/", {"word": text}).status_code == 200


@pytest.mark.parametrize("text", ["order:1%", "sku:ab_", "1041_", "%"])
def test_wild_cards_are_letters_like_any_other(pair, olga, text):
    assert not parse(text, olga).problems
    assert list(FailedRecord.objects.filter(parse(text, olga).where)) == []


def test_an_address_brings_its_tab_and_order(pair, olga):
    assert [one.pk for one in lines_for("tab=mine", olga)] == [pair.wanted]
    ordered = [one.pk for one in lines_for("tab=open&o=money", olga)]
    assert ordered == [pair.wanted, pair.other]


@pytest.mark.parametrize(
    ("text", "name", "value", "changed"),
    [
        ("", "kind", "data", "kind:data"),
        ("10412", "kind", "data", "10412 kind:data"),
        ("kind:data 10412", "kind", "mapping", "10412 kind:mapping"),
        ("kind:data 10412", "kind", "", "10412"),
        ('customer:"a b" x', "flow", "Orders in", 'customer:"a b" x flow:"Orders in"'),
    ],
)
def test_a_menu_changes_one_qualifier_and_keeps_the_rest(text, name, value, changed):
    assert with_term(text, name, value) == changed
    assert value_in(changed, name) == value


@pytest.mark.parametrize("value", ["plain", "two words", "a,b", 'with "quotes"', ""])
def test_a_value_is_written_so_that_it_is_read_back(value):
    assert value_in(quoted("flow", value), "flow") == value.replace('"', "")


@pytest.mark.parametrize(
    ("word", "offered"),
    [
        ("or", "order:"),
        ("-or", "-order:"),
        ("order:1", "order:10412"),
        ("104", "order:10412"),
        ("sku:", "sku:abc-1"),
        ("sku:h", "sku:hammock"),
        ("nakam", "customer:nakamura"),
        ('customer:"acme out', 'customer:"acme outdoor ltd"'),
        ("email:ken", "email:ken@tokyo.example"),
        ("flow:", 'flow:"Orders to NetSuite"'),
        ("kind:m", "kind:mapping"),
        ("assignee:", "assignee:me"),
        ("assignee:ol", "assignee:olga"),
        ("tag:", "tag:vip"),
        ("light:", "light:green"),
        ("is:", "is:unknown"),
        ("bulk:", "bulk:37"),
        ("-tag:v", "-tag:vip"),
        ("field:ship", "field:shippingaddress.zip"),
    ],
)
def test_words_are_completed_from_real_values(pair, operator, word, offered):
    told = operator.get(f"{LIST}complete/", {"word": word}).json()
    assert offered in [option["value"] for option in told["options"]]
    assert len(told["options"]) <= 8


def test_words_of_a_reason_are_completed_to_its_cause(pair, operator):
    Cause.objects.filter(pk=pair.cause).update(
        text="Ship method is not known", open_count=500
    )
    told = operator.get(f"{LIST}complete/", {"word": "ship method"}).json()
    assert told["options"] == [
        {
            "value": f"cause:CAUSE-{pair.cause}",
            "note": "Ship method is not known (500 open)",
        }
    ]


def test_every_completion_can_be_searched_for(pair, operator, olga):
    for start in (
        "sku:",
        "flow:",
        "kind:",
        "is:",
        "age:",
        "due:",
        "amount:",
        "status:",
    ):
        told = operator.get(f"{LIST}complete/", {"word": start}).json()["options"]
        assert told
        for option in told:
            assert parse(option["value"], olga).problems == (), option
