"""What is wrong with a file: where, what, and what to write instead."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True)
class Place:
    """A line of a file, and the path of the value that stands there."""

    file: str
    line: int
    path: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.path + ': ' if self.path else ''}"


@dataclass(frozen=True)
class Problem:
    """One thing to mend before anything is changed."""

    place: Place
    text: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.place}{self.text}{' ' + self.remedy if self.remedy else ''}"


class Problems(list[Problem]):
    """Every problem found so far; checks go on after each."""

    def add(self, place: Place, text: str, remedy: str = "") -> None:
        self.append(Problem(place, text, remedy))

    def in_order(self) -> list[Problem]:
        """Return them once each, file by file and from top to bottom."""
        files = list(dict.fromkeys(problem.place.file for problem in self))
        return sorted(
            dict.fromkeys(self),
            key=lambda problem: (files.index(problem.place.file), problem.place.line),
        )


class ConfigurationRefused(Exception):
    """The files have problems, and nothing was changed."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems.in_order()
        super().__init__("\n".join(map(str, self.problems)))


def suggest(word: str, known: Iterable[str]) -> str:
    """Return a remedy: the nearest known word, or all of them."""
    names = sorted(known)
    near = get_close_matches(word, names, n=1)
    if near:
        return f"Did you mean {near[0]}?"
    return f"Known: {', '.join(names)}." if names else ""
