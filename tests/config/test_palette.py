import re
from pathlib import Path

import pytest
from django.conf import settings

TOKENS = Path(settings.BASE_DIR, "integrations/static/console/tokens.css").read_text()
PAIRS = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", TOKENS)
PALETTES = [
    {name: light for name, light, _ in PAIRS} | {"on-accent": "#ffffff"},
    {name: dark for name, _, dark in PAIRS} | {"on-accent": "#ffffff"},
]
GROUNDS = ("page", "surface", "sunken", "raised", "hover", "chosen")
TONES = ("good", "warn", "bad", "wait", "mute")

READ = (
    [(text, ground) for text in ("ink", "ink-soft", "accent") for ground in GROUNDS]
    + [(tone, f"{tone}-bg") for tone in TONES]
    + [(tone, "surface") for tone in TONES]
    + [
        ("on-accent", fill)
        for fill in (
            "accent-fill",
            "accent-fill-hover",
            "grave-fill",
            "grave-fill-hover",
        )
    ]
)
EDGES = [("edge", "surface"), ("edge", "page"), ("accent", "surface")]


def luminance(colour: str) -> float:
    def linear(part: str) -> float:
        value = int(part, 16) / 255
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(colour[at : at + 2]) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", PALETTES, ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), READ)
def test_text_keeps_the_contrast_of_wcag_aa(palette, text, ground):
    assert contrast(palette[text], palette[ground]) >= 4.5


@pytest.mark.parametrize("palette", PALETTES, ids=["light", "dark"])
@pytest.mark.parametrize(("edge", "ground"), EDGES)
def test_edges_of_controls_keep_three_to_one(palette, edge, ground):
    assert contrast(palette[edge], palette[ground]) >= 3
