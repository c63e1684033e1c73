"""Which fields of its source and of its target a document uses, and where. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mappings.engine import (
    Document,
    DocumentError,
    Exclusion,
    Kind,
    Row,
    Section,
    SumCheck,
)
from mappings.engine.building import without_places
from mappings.engine.conditions import parse_condition
from mappings.engine.lint import name_of
from mappings.engine.meaning import paths_of
from mappings.engine.paths import Path, parse_path

Part = Row | Section | Exclusion | SumCheck


@dataclass(frozen=True)
class Use:
    """One row of a document in use, and the field it fills or reads."""

    document: str
    row: str
    path: str
    max_length: int | None = None
    constant: str = ""


def users(name: str, uses: Iterable[Use]) -> list[Use]:
    """Return the rows that fill a field, something inside it, or its id."""
    return [
        use
        for use in uses
        if use.path == name
        or use.path.startswith(f"{name}.")
        or use.path.removesuffix(".id") == name
    ]


def target_uses(slug: str, document: Document) -> list[Use]:
    """Return what a document fills at its target."""
    sections = {section.name: section.target for section in document.sections}
    return [
        Use(
            slug,
            _row_name(row),
            without_places(
                ".".join(filter(None, (sections.get(row.section), row.target)))
            ),
            row.max_length,
            str(row.constant) if row.kind == Kind.CONSTANT else "",
        )
        for row in document.rows
    ]


def source_uses(slug: str, document: Document) -> list[Use]:
    """Return what a document reads of its source: values, conditions, lists, sums."""
    sections = {one.name: one for one in document.sections}
    parts: list[Part] = [*document.rows, *document.sections]
    parts += [*document.exclusions, *document.checks]
    return [
        Use(slug, _part_name(part), place)
        for part in parts
        for path, section in _read_by(part, sections)
        if path.root != "facts" and (place := _place(path, section))
    ]


def _read_by(
    part: Part, sections: Mapping[str, Section]
) -> Iterator[tuple[Path, Section | None]]:
    """Give each path that a part reads, with the list that it is read in."""
    if isinstance(part, Row):
        section = sections.get(part.section)
        for text in paths_of(part):
            yield parse_path(text), section
        yield from ((path, section) for path in _in_condition(part.when))
        return
    if isinstance(part, Section):
        yield from ((path, part) for path in _in_condition(part.when))
    if isinstance(part, Exclusion):
        yield from ((path, None) for path in _in_condition(part.when))
    elif part.source:
        yield from ((path, None) for path in _one_path(part.source))


def _in_condition(text: str) -> list[Path]:
    """Return what a condition reads; nothing of one that cannot be read."""
    try:
        return list(parse_condition(text).paths()) if text else []
    except DocumentError:
        return []


def _one_path(text: str) -> list[Path]:
    try:
        return [parse_path(text)]
    except DocumentError:
        return []


def _place(path: Path, section: Section | None) -> str:
    """Return where a path leads in the whole source, without places in lists."""
    around = "" if path.root == "$" else _around(section, path.root.count("^"))
    return ".".join(filter(None, (around, without_places(path.tail))))


def _around(section: Section | None, levels: int) -> str:
    """Return the place of a line, or of what stands so many levels around it."""
    paths = _one_path(section.source) if section and section.source else []
    lists: list[list[str]] = [[]]
    for step in paths[0].steps if paths else ():
        if step is None:
            lists.append([])
        elif isinstance(step, str):
            lists[-1].append(step)
    kept = lists if lists[-1] else lists[:-1]
    return ".".join(name for names in kept[: len(kept) - levels] for name in names)


def _part_name(part: Part) -> str:
    return _row_name(part) if isinstance(part, Row) else name_of(part)


def _row_name(row: Row) -> str:
    return f"{row.section}: {row.target}" if row.section else row.target
