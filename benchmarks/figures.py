"""The figures of a run: medians, the table, and the files they are kept in."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.machine import Machine

RESULTS = Path(__file__).parent / "results"
HEADS = ("bench", "product", "bare", "ratio", "goal", "met")


@dataclass(frozen=True)
class Row:
    """One line of the table; `met` is None where no goal applies."""

    bench: str
    product: str
    bare: str = ""
    ratio: float | None = None
    goal: str = ""
    met: bool | None = None
    note: str = ""


def at_least(limit: float, ratio: float) -> dict[str, object]:
    """Return the columns of a row whose ratio must reach `limit`."""
    return {"ratio": ratio, "goal": f"≥ {limit:g}", "met": ratio >= limit}


def at_most(limit: float, ratio: float) -> dict[str, object]:
    """Return the columns of a row whose ratio may not pass `limit`."""
    return {"ratio": ratio, "goal": f"≤ {limit:g}", "met": ratio <= limit}


def median_ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """Return the median of the ratios of rounds that ran one after the other."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table, with the notes below."""
    lines = [_cells(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(HEADS, *lines, strict=True)]
    rule = tuple("-" * width for width in widths)
    shown = [_line(cells, widths) for cells in (HEADS, rule, *lines)]
    notes = [f"- {row.bench}: {row.note}" for row in rows if row.note]
    return "\n".join([*shown, "", *notes])


def _cells(row: Row) -> tuple[str, ...]:
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    met = {True: "yes", False: "NO", None: ""}[row.met]
    return row.bench, row.product, row.bare, ratio, row.goal, met


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return f"| {' | '.join(padded)} |"


def write(rows: Sequence[Row], machine: Machine, options: dict[str, object]) -> Path:
    """Keep a run under its day and commit; return the path of the JSON file."""
    RESULTS.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    path = RESULTS / f"{now:%Y-%m-%d}-{machine.commit}.json"
    head = {"at": f"{now:%Y-%m-%dT%H:%M:%SZ}", "machine": asdict(machine), **options}
    kept = {**head, "rows": [asdict(row) for row in rows]}
    path.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n")
    title = f"# Benchmarks of {now:%Y-%m-%d}, commit {machine.commit}"
    path.with_suffix(".md").write_text(f"{title}\n\n{machine}\n\n{table(rows)}\n")
    return path
