"""A row of small bars: how many a day."""

from collections.abc import Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

WIDTH, GAP, HEIGHT = 5, 2, 20


def sparkline(counts: Sequence[int]) -> SafeString | str:
    """Draw counts, oldest first, scaled to the largest; read out as a sentence."""
    highest = max(counts, default=0)
    if not highest:
        return ""
    bars = format_html_join(
        "",
        '<rect x="{}" y="{}" width="{}" height="{}" rx="1"><title>{}</title></rect>',
        (
            (place * (WIDTH + GAP), HEIGHT - height, WIDTH, height, count)
            for place, count in enumerate(counts)
            for height in [_height(count, highest)]
        ),
    )
    told = f"{sum(counts):,} in {len(counts)} days, {counts[-1]:,} today"
    return format_html(
        '<svg class="spark" viewBox="0 0 {} {}" width="{}" height="{}" role="img" '
        'aria-label="{}">{}</svg>',
        *(len(counts) * (WIDTH + GAP) - GAP, HEIGHT) * 2,
        told,
        bars,
    )


def _height(count: int, highest: int) -> int:
    """A day with one among thousands is still a bar."""
    return max(1, round(count * HEIGHT / highest))
