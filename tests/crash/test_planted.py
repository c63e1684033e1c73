"""Each planted bug has its scene, and its patch still fits the product."""

import os
import subprocess
import sys
from pathlib import Path

from tests.crash.bugs import PLANTS
from tests.crash.planted import SCENES, planned

FIT_ALL = """
import django
django.setup()
from tests.crash.bugs import PLANTS
for plant in PLANTS.values():
    plant()
"""


def test_each_bug_has_a_scene_that_says_what_shows_it():
    assert {scene.bug for scene in SCENES} == {"", *PLANTS}
    assert all(scene.shows for scene in SCENES if scene.bug)


def test_a_scene_is_planned_by_its_seed():
    scene = SCENES[0]
    assert planned(scene, 7, 20) == planned(scene, 7, 20)
    assert planned(scene, 7, 20) != planned(scene, 8, 20)


def test_each_patch_fits_the_product(tmp_path: Path):
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.crash.planted_settings",
        "WAYBILL_VAR_DIR": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", FIT_ALL],
        env=environment,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
