"""The table of faults tells the truth: docs/faults.md against the tests' names."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROW = re.compile(r"\| (F\d+) \| ([^|]+) \| ([^|]+) \|([^|]*)\|")
ROWS = [
    ROW.fullmatch(line) for line in (ROOT / "docs/faults.md").read_text().splitlines()
]
TABLE = {row[1]: row for row in ROWS if row}
IDS = [f"F{number:02}" for number in range(1, 101)]


def files_of(row):
    return re.findall(r"`([^`]+)`", row[3])


def test_every_fault_has_one_row_in_order():
    assert [row[1] for row in ROWS if row] == IDS


@pytest.mark.parametrize("fault", IDS)
def test_what_is_called_covered_is_covered_and_the_rest_says_what_it_waits_for(fault):
    row = TABLE[fault]
    assert files_of(row) or len(row[4].strip()) > 20
    named = re.compile(rf"def test_(\w+_)?{fault.lower()}_")
    for file in files_of(row):
        assert named.search((ROOT / "tests" / file).read_text()), file
