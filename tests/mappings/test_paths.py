import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.engine import DocumentError
from mappings.engine.paths import elements, parse_path, parse_target, read, whole

ORDER = {
    "name": "#1001",
    "customer": {"first_name": "Bob", "phone": None},
    "lines": [
        {"sku": "A", "taxes": [{"price": "1"}, {"price": "2"}]},
        {"sku": None, "taxes": []},
        {"sku": "C", "taxes": [{"price": "3"}]},
    ],
    "odd key": {"derived": "mine"},
    "derived": "the order's own",
}
FACTS = {"derived": {"lines": [{"amount": 1}]}, "waybill": {"external_id": "x-1"}}
SCOPE = whole(ORDER, FACTS)


def value(text):
    return read(parse_path(text), SCOPE).value


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("name", "#1001"),
        ("customer.first_name", "Bob"),
        ("lines[0].sku", "A"),
        ("lines[2].taxes[0].price", "3"),
        ("lines[].sku", ["A", "C"]),
        ("lines[].taxes[].price", ["1", "2", "3"]),
        ("lines[9].sku", None),
        ("lines[].nothing", None),
        ("name.first", None),
        ("$.name", "#1001"),
        ("@.name", "#1001"),
        ('"odd key".derived', "mine"),
        ("waybill.external_id", "x-1"),
        ("derived.lines[0].amount", 1),
        ("$.derived", "the order's own"),
    ],
)
def test_a_path_finds_what_it_names(path, expected):
    assert value(path) == expected


@pytest.mark.parametrize(
    ("path", "missing"),
    [
        ("billing.address.city", "billing"),
        ("customer.phone", "customer.phone"),
        ("lines[5].sku", "lines[5]"),
        ("lines[0].taxes[7].price", "lines[0].taxes[7]"),
        ("needs.customer.external_id", "needs"),
        ("lines[].nothing", "lines[].nothing"),
    ],
)
def test_a_reading_says_which_part_is_missing(path, missing):
    reading = read(parse_path(path), SCOPE)
    assert reading.value is None
    assert reading.missing == missing


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "a.",
        "a..b",
        "a b",
        "[0]x",
        "a[-1]",
        "a[x]",
        "a.[0]",
        "1a",
        "a-b",
        "$x",
        "a[]b",
    ],
)
def test_a_path_that_cannot_be_read_is_refused(path):
    with pytest.raises(DocumentError):
        parse_path(path)


def test_elements_of_nested_lists_know_place_parent_and_line():
    found = list(elements(parse_path("lines[].taxes"), SCOPE))
    assert [one.at for one in found] == [
        "lines[0].taxes[0]",
        "lines[0].taxes[1]",
        "lines[2].taxes[0]",
    ]
    assert [one.line for one in found] == [1, 1, 3]
    assert read(parse_path("^.sku"), found[2]).value == "C"
    assert read(parse_path("^.sku"), found[2]).at == "lines[2].sku"
    assert read(parse_path("^.^.name"), found[2]).value == "#1001"
    assert read(parse_path("$.name"), found[0]).value == "#1001"


def test_the_parent_of_a_derived_line_is_the_whole_record():
    [line] = elements(parse_path("derived.lines"), SCOPE)
    assert line.at == "derived.lines[0]"
    assert read(parse_path("amount"), line).at == "derived.lines[0].amount"
    assert read(parse_path("^.name"), line).value == "#1001"


def test_a_list_that_is_absent_has_no_elements_and_a_text_is_no_list():
    assert list(elements(parse_path("nothing.here"), SCOPE)) == []
    with pytest.raises(DocumentError, match="name is not a list"):
        list(elements(parse_path("name"), SCOPE))


def test_a_parent_outside_of_a_list_is_refused():
    with pytest.raises(DocumentError, match="there is none"):
        read(parse_path("^.name"), SCOPE)


@pytest.mark.parametrize("target", ["a[]", "$.a", "^.a", "@.a", "[0].a", ""])
def test_a_target_has_names_and_fixed_places_only(target):
    with pytest.raises(DocumentError):
        parse_target(target)


names = st.sampled_from(["a", "b", "c_1"])
trees = st.recursive(
    st.none() | st.integers(0, 9) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3)
    ),
    max_leaves=20,
)
steps = st.lists(names | st.integers(0, 2), min_size=1, max_size=5).filter(
    lambda found: isinstance(found[0], str)
)


@given(trees, steps)
def test_a_path_agrees_with_walking_by_hand(tree, wanted):
    text = "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in wanted)[1:]
    reached = tree
    for step in wanted:
        if isinstance(step, str) and isinstance(reached, dict):
            reached = reached.get(step)
        elif (
            isinstance(step, int) and isinstance(reached, list) and step < len(reached)
        ):
            reached = reached[step]
        else:
            reached = None
    reading = read(parse_path(text), whole(tree, {}))
    assert reading.value == reached
    assert reading.at == text
    assert bool(reading.missing) == (reached is None)
    assert text.startswith(reading.missing)


@given(st.lists(st.dictionaries(names, st.integers(), max_size=3), max_size=5))
def test_a_projection_gives_all_that_is_there_in_order(elements_of_list):
    found = read(parse_path("list[].a"), whole({"list": elements_of_list}, {})).value
    assert (found or []) == [one["a"] for one in elements_of_list if "a" in one]


@given(st.text(max_size=30))
def test_no_text_breaks_the_reader_of_paths(text):
    try:
        read(parse_path(text), SCOPE)
    except DocumentError:
        return
