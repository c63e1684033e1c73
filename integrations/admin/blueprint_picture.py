"""The blueprint as a picture: systems as boxes, entities as arrows between them.

Only places are reckoned here; the template draws them, with attributes and classes
and no style of its own.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from integrations.studio.blueprint import Planned

WIDTH = 960
BOX = 150
STEP = 46
HEAD = 44
GAP = 24
TOP = 12


@dataclass(frozen=True)
class Box:
    """One system."""

    x: str
    y: str
    width: str
    height: str
    middle_x: str
    middle_y: str
    name: str


@dataclass(frozen=True)
class Arrow:
    """One entity on its way; `x1` is where it leaves."""

    x1: str
    x2: str
    y: str
    text_x: str
    name_y: str
    note_y: str
    name: str
    note: str
    is_live: bool


@dataclass(frozen=True)
class Picture:
    """Everything to draw, and the same in one sentence."""

    width: str
    height: str
    boxes: list[Box]
    arrows: list[Arrow]
    sentence: str


def picture_of(found: Sequence[Planned], names: dict[str, str]) -> Picture:
    """Place the systems: the one with most entities at the right, the others left."""
    moving = [one for one in found if not one.stays]
    hub = _hub(moving)
    pairs: dict[tuple[str, str], list[Planned]] = {}
    for one in moving:
        pairs.setdefault(_pair(one, hub), []).append(one)
    boxes: list[Box] = []
    arrows: list[Arrow] = []
    y = TOP
    of_hub = sorted(pairs, key=lambda pair: (pair[1] != hub, pair))
    hub_ends = y
    for left, right in of_hub:
        entities = pairs[left, right]
        height = HEAD + STEP * len(entities)
        boxes.append(_box(0, y, height, names.get(left, left)))
        if right == hub:
            hub_ends = y + height
        else:
            boxes.append(_box(WIDTH - BOX, y, height, names.get(right, right)))
        arrows += [
            _arrow(one, left, y + HEAD // 2 + STEP * place + STEP // 2)
            for place, one in enumerate(entities)
        ]
        y += height + GAP
    if moving:
        label = names.get(hub, hub)
        boxes.append(_box(WIDTH - BOX, TOP, hub_ends - TOP, label))
    sentence = f"{len(moving)} kinds of record go between {len(boxes)} systems."
    return Picture(str(WIDTH), str(max(y - GAP, TOP) + TOP), boxes, arrows, sentence)


def _hub(moving: Sequence[Planned]) -> str:
    ends = Counter(
        end for one in moving for end in {one.entity.source, one.entity.target}
    )
    return min(ends, key=lambda name: (-ends[name], name)) if ends else ""


def _pair(one: Planned, hub: str) -> tuple[str, str]:
    left, right = sorted((one.entity.source, one.entity.target))
    return (right, left) if left == hub else (left, right)


def _box(x: int, y: int, height: int, name: str) -> Box:
    middle = (str(x + BOX // 2), str(y + height // 2 + 5))
    return Box(str(x), str(y), str(BOX), str(height), *middle, name)


def _arrow(one: Planned, left: str, y: int) -> Arrow:
    start, end = BOX + 6, WIDTH - BOX - 10
    goes_right = one.entity.source == left
    x1, x2 = (start, end) if goes_right else (WIDTH - BOX - 6, BOX + 10)
    how = one.entity.cadence or one.entity.get_trigger_display()
    state = "live" if one.is_running else "planned"
    return Arrow(
        str(x1),
        str(x2),
        str(y),
        str(WIDTH // 2),
        str(y - 7),
        str(y + 15),
        one.entity.name,
        f"{how[:64]} · {state}",
        one.is_running,
    )
