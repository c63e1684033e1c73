"""The product's settings with one planted bug, named by PLANTED_BUG."""

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS as _APPS

INSTALLED_APPS = [*_APPS, "tests.crash.bugs.Planted"]
