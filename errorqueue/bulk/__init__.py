"""One verb over many failed records: planned, tried on ten, paced, taken back.

The page plans (`plan`) and starts (`running`); workers step (`stepping`). `each` is
for what one request can do at once.
"""

from errorqueue.bulk.each import Counted, each

__all__ = ["Counted", "each"]
