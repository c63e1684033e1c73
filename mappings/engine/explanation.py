"""From a path in a payload back to the row that filled it."""

from mappings.engine.building import without_places
from mappings.engine.document import Document, Mapped, Row, Trace


def row_for(document: Document, error_path: str) -> Row | None:
    """Return the row behind a vendor's error path, indices not minded.

    The row of exactly this field, else the first one inside it (`entity` finds
    `entity.id`), else the nearest one around it (`entity.id.value` finds `entity.id`).
    """
    path = without_places(error_path)
    targets = [(full_target(document, row), row) for row in document.rows]
    for target, row in targets:
        if target == path:
            return row
    for target, row in targets:
        if target.startswith(f"{path}.") and path:
            return row
    around = [(t, row) for t, row in targets if path.startswith(f"{t}.")]
    return max(around, key=lambda pair: len(pair[0]))[1] if around else None


def trace_for(mapped: Mapped, error_path: str) -> Trace | None:
    """Return where the very value at a vendor's error path came from.

    Raises nothing; a path that nothing was sent to gives None.
    """
    for trace in mapped.trace:
        if trace.target == error_path:
            return trace
    for trace in mapped.trace:
        if error_path and trace.target.startswith((f"{error_path}.", f"{error_path}[")):
            return trace
    around = [t for t in mapped.trace if error_path.startswith(f"{t.target}.")]
    return max(around, key=lambda trace: len(trace.target), default=None)


def full_target(document: Document, row: Row) -> str:
    """Return a row's whole target path, without indices."""
    section = next((one for one in document.sections if one.name == row.section), None)
    target = f"{section.target}.{row.target}" if section else row.target
    return without_places(target)
