from pathlib import Path

import pytest

from integrations.configuration.problems import Problems
from integrations.configuration.reader import Shape, read, unseen


@pytest.fixture
def tree(write):
    """Read a text; return its root and what was wrong with it."""

    def read_text(text, **environ):
        problems = Problems()
        return read(write(text), environ, problems), problems

    return read_text


def only(problems):
    (problem,) = problems
    return problem


def test_every_value_knows_its_line_and_its_path(tree):
    root, problems = tree(
        """\
        connections:
          - slug: shopify
            options:
              a: 1
        """
    )
    value = root.entries["connections"].items[0].entries["options"].entries["a"]
    assert (value.place.line, value.place.path) == (4, "connections[shopify].options.a")
    assert not problems


def test_values_keep_their_text_as_written(tree):
    root, _ = tree("country: NO\nid: 00123\nday: 2026-01-02\nempty: ~\n")
    assert root.entries["country"].value == "NO"
    assert root.entries["id"].value == "00123"
    assert root.entries["day"].value == "2026-01-02"
    assert root.entries["empty"].shape is Shape.NOTHING


def test_a_key_that_stands_twice_is_a_problem_at_the_second(tree):
    _, problems = tree("a: 1\nb: 2\na: 3\n")
    assert only(problems).place.line == 3
    assert "on line 1" in only(problems).text


def test_bad_yaml_is_a_problem_at_its_line(tree):
    root, problems = tree("a: 1\nb: [1, 2\nc: 3\n")
    assert root is None
    assert only(problems).place.line == 3
    assert only(problems).text.startswith("Not YAML")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: &x 1\nb: *x\n", 2, "aliases"),
        ("a: 1\nb: !!python/object:os.system x\n", 2, "tag"),
        ("a: 1\n? [x, y]\n: 2\n", 2, "A key must be text"),
        ("", 1, "empty"),
        ("a: 1\nb: \x07\n", 2, "character"),
        ("[" * 600, 1, "nested too deeply"),
        ("a: 1\n---\nb: 2\n", 2, "Not YAML"),
    ],
)
def test_what_is_no_part_of_the_format_is_named(tree, text, line, words):
    _, problems = tree(text)
    assert only(problems).place.line == line
    assert words in only(problems).text


def test_a_missing_file_and_wrong_encoding_are_problems(tmp_path):
    problems = Problems()
    path = Path(tmp_path) / "latin.yaml"
    path.write_bytes(b"a: 1\nb: \xe9\n")
    assert read(str(path), {}, problems) is None
    assert read(str(tmp_path / "none.yaml"), {}, problems) is None
    latin, missing = problems
    assert (latin.place.line, latin.remedy) == (2, "Save the file as UTF-8.")
    assert "No such file" in missing.text


def test_environment_variables_fill_whole_values_and_parts(tree):
    root, problems = tree('a: "${ONE}"\nb: x-${ONE}-${TWO}\n', ONE="1", TWO="2")
    assert root.entries["a"].value == "1"
    assert root.entries["b"].value == "x-1-2"
    assert root.entries["b"].written == "x-${ONE}-${TWO}"
    assert not problems


def test_a_value_of_the_environment_is_not_read_as_yaml_or_filled_again(tree):
    root, problems = tree("a: ${ONE}\n", ONE="[x]\n${TWO}: y")
    assert root.entries["a"].value == "[x]\n${TWO}: y"
    assert not problems


def test_doubled_dollars_stand_for_the_characters_themselves(tree):
    root, problems = tree("a: $${ONE} costs $5\n")
    assert root.entries["a"].value == "${ONE} costs $5"
    assert not root.entries["a"].is_filled
    assert not problems


def test_missing_and_misspelt_variables_are_problems_at_their_line(tree):
    _, problems = tree("a: ${NONE}\nb: ${EMPTY}\nc: ${no-name}\n", EMPTY="")
    assert [problem.place.line for problem in problems] == [1, 2, 3]
    assert "NONE" in problems[0].text
    assert "EMPTY" in problems[1].text
    assert "${NAME}" in problems[2].text


def test_words_show_the_name_of_a_variable_and_not_its_value(tree):
    root, _ = tree("list:\n  - {a: '${ONE}'}\n", ONE="hidden")
    assert unseen(root, "The path hidden is wrong") == "The path ${ONE} is wrong"
