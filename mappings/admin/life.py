"""Where a version stands between draft and live, for pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError

from mappings import services, signing
from mappings.engine import DocumentError
from mappings.engine.difference import Difference, differences
from mappings.models import MappingDocument, MappingVersion, Signature
from mappings.moves import State, digest_of

# So many differences stand on a version's page; the page of differences has all.
SHOWN = 12
TONES = {"added": "good", "removed": "bad", "changed": "wait", "moved": "mute"}
STEPS = (
    (State.DRAFT, "Draft"),
    (State.REVIEW, "Signatures"),
    (State.SCHEDULED, "Scheduled"),
    (State.PUBLISHED, "Live"),
)


@dataclass(frozen=True)
class Step:
    """One station of a version's way; `state` is done, now or ahead."""

    label: str
    state: str


@dataclass(frozen=True)
class Life:
    """What a page says of one version, and which buttons it offers.

    `problem` says why nothing can be told, for a version that cannot be read.
    """

    version: MappingVersion
    steps: Sequence[Step]
    standing: signing.Standing | None
    refusal: Signature | None
    signatures: Sequence[Signature]
    report: Any
    differences: Sequence[Difference]
    base: MappingVersion | None
    digest: str
    may: dict[str, bool]
    problem: str = ""

    @property
    def first_differences(self) -> Sequence[Difference]:
        """As many differences as a version's own page has room for."""
        return self.differences[:SHOWN]

    @property
    def more(self) -> int:
        """How many differences only the page of differences shows."""
        return max(0, len(self.differences) - SHOWN)


def life_of(version: MappingVersion, by: Any) -> Life:
    """Gather what the page of a version says about its way."""
    base = base_of(version)
    signatures = list(version.signatures.select_related("by"))
    report = _latest_effect(version)
    found, problem = readable_between(base, version) if base else ([], "")
    is_sent = version.state in (State.REVIEW, State.SCHEDULED)
    standing = signing.standing(version) if is_sent and not problem else None
    return Life(
        version=version,
        steps=_steps(version),
        standing=standing,
        refusal=_refusal(version, signatures),
        signatures=signatures,
        report=report,
        differences=found,
        base=base,
        digest=_digest(version) if report or signatures else version.digest,
        may=_rights(version, standing, by),
        problem=problem,
    )


def _latest_effect(version: MappingVersion) -> Any:
    """Return the newest effect report, where the app that makes them is installed."""
    reports = getattr(version, "effects", None)
    return reports.first() if reports is not None else None


def _digest(version: MappingVersion) -> str:
    """Return the mark of the content as it stands, or none of what is unreadable."""
    if version.state not in MappingVersion.ON_ITS_WAY:
        return version.digest
    try:
        return digest_of(version)
    except ValidationError:
        return ""


def _refusal(version: MappingVersion, given: Sequence[Signature]) -> Signature | None:
    """Return the refusal that made a version a draft again, if its last answer was one."""
    last = given[0] if given and version.state == State.DRAFT else None
    return last if last and last.answer == Signature.Answer.REFUSED else None


def base_of(version: MappingVersion) -> MappingVersion | None:
    """Return what a version is compared with: the one in force, or the one before it."""
    if version.state in MappingVersion.ON_ITS_WAY:
        return version.document.published()
    if version.published_at is None:
        return None
    earlier = version.document.versions.filter(published_at__lt=version.published_at)
    return earlier.order_by("-published_at", "-pk").first()


def readable_between(
    before: MappingVersion, after: MappingVersion
) -> tuple[list[Difference], str]:
    """Return what changed, or why that cannot be told."""
    try:
        return differences(before.read_document(), after.read_document()), ""
    except DocumentError as error:
        return [], str(error)


def _steps(version: MappingVersion) -> list[Step]:
    """Return the stations; those that nobody has to pass in sandbox are left out."""
    now = State.PUBLISHED if version.state == State.RETIRED else version.state
    order = [state for state, _ in STEPS]
    needed = {State.DRAFT, now, State.PUBLISHED}
    if version.document.needs_signatures:
        needed.add(State.REVIEW)
    shown = []
    for state, label in STEPS:
        if state in needed:
            place = order.index(state) - order.index(State(now))
            is_over = version.state == State.RETIRED or place < 0
            kind = "done" if is_over else "now" if place == 0 else "ahead"
            shown.append(Step(label, kind))
    if version.state == State.RETIRED:
        shown.append(Step("Retired", "now"))
    return shown


def _rights(
    version: MappingVersion, standing: signing.Standing | None, by: Any
) -> dict[str, bool]:
    """Say which buttons this person is offered; each asks again when it is pressed."""
    edits = by.has_perm("mappings.change_mappingversion")
    publishes = by.has_perm("mappings.publish_mappingversion")
    signs = any(by.has_perm(right) for right in signing.RIGHTS.values())
    state, document = version.state, version.document
    is_free = not document.needs_signatures or (standing and standing.is_signed)
    is_open = state in MappingVersion.ON_ITS_WAY
    return {
        "send": edits and state == State.DRAFT,
        "take_back": (edits or publishes) and state in (State.REVIEW, State.SCHEDULED),
        "sign": signs and state == State.REVIEW and bool(standing and standing.missing),
        "go_live": bool(publishes and is_open and is_free),
        "call_off": publishes and state == State.SCHEDULED,
        "roll_back": publishes
        and state == State.PUBLISHED
        and services.earlier_version(version) is not None,
    }


def lines_of(document: MappingDocument) -> list[Any]:
    """Return the versions of a document, newest first, in three or four queries."""
    versions = document.versions.select_related(
        "created_by", "sent_by", "published_by", "restores", "document"
    ).order_by("-number")
    related = ["signatures__by"]
    names = {one.name for one in MappingVersion._meta.related_objects}
    related += [name for name in ("effects", "watches") if name in names]
    return list(versions.prefetch_related(*related))
