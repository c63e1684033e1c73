"""Where the bars of a waterfall stand: money in, shares of the width out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from integrations.reconciliation.sums import Part

ZERO = Decimal(0)
ROW, TEXT, BAR = 46, 15, 24
TENTH = Decimal("0.1")


@dataclass(frozen=True)
class Step:
    """What is drawn on one line; `is_sum` begins at zero, others where money stands."""

    key: str
    label: str
    money: Decimal
    count: int | None = None
    is_sum: bool = False


@dataclass(frozen=True)
class Bar:
    """One step with its place: `left`, `width` and `end` in percent, the rest in px."""

    step: Step
    top: int
    left: Decimal
    width: Decimal
    end: Decimal
    tone: str

    @property
    def text_y(self) -> int:
        return self.top + TEXT

    @property
    def bar_y(self) -> int:
        return self.top + BAR

    @property
    def next_y(self) -> int:
        """Where the line ends that points to the next bar, above the words of that."""
        return self.top + ROW


def steps_of(parts: Sequence[Part], net: Decimal, lines_net: Decimal) -> list[Step]:
    """Return the steps from the first part to the net; they add up to it."""
    found = [Step(part.key, part.label, part.money, part.count) for part in parts]
    if net != lines_net:
        found.append(Step("sum", "Sum of the lines", lines_net, is_sum=True))
        found.append(Step("unexplained", "Not explained by its lines", net - lines_net))
    return [*found, Step("net", "Net, as at the bank", net, is_sum=True)]


def height(steps: Sequence[Step]) -> int:
    return len(steps) * ROW


def bars_of(steps: Sequence[Step]) -> list[Bar]:
    """Place every step on one scale, so that lengths can be compared."""
    spans = list(_spans(steps))
    edges = [edge for span in spans for edge in span]
    low, high = min([ZERO, *edges]), max([ZERO, *edges])
    whole = high - low or Decimal(1)

    def share(value: Decimal) -> Decimal:
        return ((value - low) * 100 / whole).quantize(TENTH)

    return [
        Bar(
            step,
            number * ROW,
            share(min(span)),
            max(share(max(span)) - share(min(span)), TENTH),
            share(span[1]),
            _tone(step),
        )
        for number, (step, span) in enumerate(zip(steps, spans, strict=True))
    ]


def _spans(steps: Sequence[Step]) -> Iterator[tuple[Decimal, Decimal]]:
    """Yield where the money stood before and after each step."""
    stands = ZERO
    for step in steps:
        begin, stands = (
            (ZERO, step.money) if step.is_sum else (stands, stands + step.money)
        )
        yield begin, stands


def _tone(step: Step) -> str:
    if step.key in ("unexplained", "unmapped", "odd"):
        return "odd"
    if step.is_sum:
        return "sum"
    return "in" if step.money >= 0 else "out"
