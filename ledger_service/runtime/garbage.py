"""The garbage collector: how often it looks, in processes of ours that hold much and run long.

As Python begins, every 700 new objects make it look, and now and then at all there is: half a million
objects of libraries that stay. That took an eighth of a business day, a third of a transfer over HTTP.
"""

import gc
from typing import Final

OBJECTS: Final = 50_000
"""Made, less those freed, between two looks at the youngest."""
LOOKS: Final = 20
"""At the youngest between two at those that have stayed; at these between two at all."""


def collect_rarely() -> None:
    """Look as often as suits a process of hundreds of megabytes."""
    gc.set_threshold(OBJECTS, LOOKS, LOOKS)


def leave_what_is_there() -> None:
    """Look no more at what there is now; for servers, once everything is imported."""
    gc.collect()
    gc.freeze()
