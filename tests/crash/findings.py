"""What an audit found: each kind with its count, examples and sums."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

LOST = "LOST"
DUPLICATED = "DUPLICATED EFFECTS"
UNEXPECTED = "UNEXPECTED"
WRONG = "WRONG CONTENT"
STALE = "STALE OVERWRITE"
UNNAMED = "EXTERNAL ID NOT PURE"
NO_INTENT = "WRITE WITHOUT INTENT"
OLD_TOKEN = "OLD TOKEN WROTE"
UNAUDITED = "CHANGE WITHOUT AUDIT ROW"
BROKEN_CHAIN = "AUDIT CHAIN BROKEN"
OVER_LIMIT = "OVER THE ATTEMPT LIMIT"
NO_DEADLINE = "HOLD WITHOUT DEADLINE"
NO_LINE = "FAILED WITHOUT A LINE"
LEFT_OPEN = "LINE LEFT OPEN"
STUCK = "STUCK"
SECRET = "SECRET IN THE CLEAR"
OLD_MAPPING = "OLD MAPPING USED"
UNCOUNTED = "WORK NOT COUNTED BEFORE"

MAIN = (LOST, DUPLICATED, UNEXPECTED, WRONG, STALE)
MOST_EXAMPLES = 20


@dataclass(frozen=True)
class Finding:
    """One broken promise: of what kind, about what, and how it shows."""

    kind: str
    subject: str
    what: str
    evidence: dict[str, Any]


@dataclass
class Findings:
    """All that an audit has to say."""

    counts: Counter[str] = field(default_factory=Counter)
    sums: Counter[str] = field(default_factory=Counter)
    figures: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[Finding]] = field(default_factory=dict)
    seen: set[tuple[str, str, str]] = field(default_factory=set)

    def add(self, kind: str, subject: str, what: str, evidence: dict[str, Any]) -> None:
        """Note a finding; the same one about the same subject counts once."""
        if (kind, subject, what) in self.seen:
            return
        self.seen.add((kind, subject, what))
        self.counts[kind] += 1
        shown = self.examples.setdefault(kind, [])
        if len(shown) < MOST_EXAMPLES:
            shown.append(Finding(kind, subject, what, evidence))

    def take_in(self, other: "Findings") -> None:
        """Add what another look has found."""
        for shown in other.examples.values():
            for one in shown:
                self.add(one.kind, one.subject, one.what, one.evidence)

    @property
    def is_clean(self) -> bool:
        return not self.counts

    def text(self) -> str:
        """Write sums, counts and examples for a person."""
        rows = [_sums("sums", self.sums), _sums("figures", self.figures)]
        rows.append("  ".join(f"{kind} {self.counts[kind]}" for kind in MAIN))
        others = {k: n for k, n in self.counts.items() if k not in MAIN}
        rows += [f"{kind} {count}" for kind, count in sorted(others.items())]
        for shown in self.examples.values():
            rows += [
                f"  {one.kind}: {one.subject}: {one.what}\n"
                f"      {json.dumps(one.evidence, default=str)[:1200]}"
                for one in shown
            ]
        return "\n".join(rows)


def _sums(name: str, counts: Counter[str]) -> str:
    return f"{name}: " + "  ".join(f"{key} {counts[key]}" for key in sorted(counts))
