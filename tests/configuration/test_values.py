import pytest

from integrations.configuration.problems import Problems
from integrations.configuration.reader import read
from integrations.configuration.values import (
    BAD,
    anything,
    choice,
    flag,
    free_table,
    list_of,
    seconds,
    whole,
)


@pytest.fixture
def value(write):
    """Read the value of the key `a` with a reader; return it with its problems."""

    def read_value(text, reader):
        problems = Problems()
        node = read(write(f"a: {text}\n"), {"NUMBER": "7"}, problems).entries["a"]
        return reader(node, problems), problems

    return read_value


@pytest.mark.parametrize(
    ("text", "reader", "expected"),
    [
        ("7", whole(), 7),
        ("${NUMBER}", whole(), 7),
        ("~", whole(optional=True), None),
        ("true", flag, True),
        ("No", flag, False),
        ("0.5", seconds, 0.5),
        ("30", seconds, 30),
        ("NO", choice(["NO", "SE"]), "NO"),
        ("~", list_of(flag), []),
        ("~", free_table, {}),
        ("{x: 1, y: '1', z: 1.50}", anything, {"x": 1, "y": "1", "z": "1.50"}),
        ("[true, 'true', ~, 007, -3]", anything, [True, "true", None, "007", -3]),
    ],
)
def test_a_value_is_read_as_its_key_asks(value, text, reader, expected):
    found, problems = value(text, reader)
    assert (found, list(problems)) == (expected, [])
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "reader"),
    [
        ("1.0", whole()),
        ("007", whole()),
        ("~", whole()),
        ("{}", whole()),
        ("99999999999999999999999", whole()),
        ("maybe", flag),
        ("[]", flag),
        ("-1", seconds),
        ("1e9", seconds),
        ("{}", seconds),
        ("no", choice(["NO"])),
        ("[]", choice(["NO"])),
        ("x", list_of(flag)),
        ("x", free_table),
    ],
)
def test_a_bad_value_gives_one_problem_with_a_remedy(value, text, reader):
    found, problems = value(text, reader)
    assert found is BAD
    assert len(problems) == 1
    assert problems[0].remedy


def test_a_value_that_could_not_be_filled_is_reported_once(value):
    for reader in (whole(), flag, seconds, anything, free_table, choice(["x"])):
        found, problems = value("${MISSING}", reader)
        assert found is BAD
        assert len(problems) == 1
