"""Signatures: a version is sent, and goes live only when others have signed it.

Whoever wrote a version never signs it; where money changes, a second person signs for
finance. A signature speaks for one content, by its digest.
"""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q, QuerySet
from django.utils import timezone

from mappings import changes
from mappings.engine import Document, DocumentError
from mappings.models import MappingVersion, Scenario, ScenarioRun, Signature
from mappings.money import money_changes
from mappings.moves import (
    State,
    digest_of,
    locked,
    move,
    refuse_faults,
    state_words,
    tell,
)

Role = Signature.Role
Answer = Signature.Answer
RIGHTS = {
    Role.BUSINESS: "mappings.sign_mappingversion",
    Role.FINANCE: "mappings.sign_money",
}
BACK = {
    "state": State.DRAFT,
    "digest": "",
    "needs_finance": False,
    "sent_at": None,
    "sent_by": None,
}


@dataclass(frozen=True)
class Standing:
    """How far a version is on its way to being signed.

    `money` names the money fields that changed; `unproven` are required scenarios
    without a passed run on this very content.
    """

    roles: tuple[Role, ...]
    signed: dict[Role, Signature]
    money: tuple[str, ...]
    unproven: tuple[Scenario, ...]

    @property
    def missing(self) -> list[Role]:
        """The roles that have not signed yet."""
        return [role for role in self.roles if role not in self.signed]

    @property
    def is_signed(self) -> bool:
        return not self.missing

    @property
    def words(self) -> str:
        """Say in a few words what was signed and what is missing."""
        if self.is_signed:
            return "Signed by " + " and ".join(
                f"{one.by} ({one.get_role_display().lower()})"
                for one in self.signed.values()
            )
        lacking = " and ".join(role.label.lower() for role in self.missing)
        plural = "s" * (len(self.missing) > 1)
        return f"Waits for the {lacking} signature{plural}"


@transaction.atomic
def send(version: MappingVersion, by: User | None) -> MappingVersion:
    """Freeze a draft and ask for signatures on what it holds now.

    Raises ValidationError for a version that is no draft, or with all its faults.
    """
    version = locked(version)
    if version.state != State.DRAFT:
        raise ValidationError(
            f"{version} {state_words(version)}: only a draft is sent for signatures."
        )
    refuse_faults(version)
    move(
        version,
        state=State.REVIEW,
        digest=digest_of(version),
        sent_at=timezone.now(),
        sent_by=by,
    )
    roles = standing(version).roles
    move(version, needs_finance=Role.FINANCE in roles)
    asked = " and ".join(role.label.lower() for role in roles)
    tell(version, "sent", by, f"waits for {asked} to sign")
    return version


@transaction.atomic
def take_back(version: MappingVersion, by: User | None) -> MappingVersion:
    """Make a draft again of what was sent or scheduled, so that it can be changed."""
    version = locked(version)
    if version.state not in (State.REVIEW, State.SCHEDULED):
        raise ValidationError(
            f"{version} {state_words(version)}: only what was sent or scheduled is taken back."
        )
    move(version, **BACK, activate_at=None)
    tell(version, "taken back", by)
    return version


@transaction.atomic
def sign(
    version: MappingVersion, role: str, by: User, note: str = "", *, seen: str = ""
) -> Signature:
    """Sign what a version holds; raises ValidationError when this person may not.

    `seen` is the digest of what the person looked at, where a page showed it.
    """
    version = locked(version)
    _refuse_unseen(version, seen)
    now = _signable(version, role, by)
    if now.unproven:
        names = ", ".join(f"“{one.name}”" for one in now.unproven)
        raise ValidationError(
            f"Not passed on this content yet: {names}. Run the acceptance scenarios, "
            "then sign."
        )
    signature = _write(version, role, by, Answer.SIGNED, note)
    signature.runs.set(_passed(version))
    tell(version, "signed", by, f"{signature.get_role_display()} {note}".strip())
    return signature


@transaction.atomic
def refuse(
    version: MappingVersion, role: str, by: User, reason: str, *, seen: str = ""
) -> Signature:
    """Send a version back to its writer with the reason; nothing goes live."""
    version = locked(version)
    _refuse_unseen(version, seen)
    if not reason.strip():
        raise ValidationError("Say why you refuse, so that it can be mended.")
    _signable(version, role, by)
    signature = _write(version, role, by, Answer.REFUSED, reason)
    move(version, **BACK)
    tell(version, "refused", by, reason)
    return signature


def may_sign(version: MappingVersion, role: str, by: Any) -> str:
    """Return why this person may not sign in this role; nothing when they may."""
    if not by.has_perm(RIGHTS[Role(role)]):
        return f"You have no right to sign for {Role(role).label.lower()}."
    if by.pk in writers_of(version):
        return "You have written or sent this version: somebody else has to sign it."
    own = [one for one in _counting(version) if one.by_id == by.pk]
    if own:
        kind = own[0].get_role_display().lower()
        return f"You have signed this version for {kind}; another person signs here."
    return ""


def standing(version: MappingVersion) -> Standing:
    """Return what is needed, what is signed and what is missing, as of now."""
    money = _money(version)
    roles = (Role.BUSINESS, Role.FINANCE) if money else (Role.BUSINESS,)
    signed = {Role(one.role): one for one in reversed(_counting(version))}
    return Standing(
        roles=roles,
        signed={role: signed[role] for role in roles if role in signed},
        money=tuple(money),
        unproven=tuple(unproven(version)),
    )


def waiting_for(by: Any) -> QuerySet[MappingVersion]:
    """Return the versions that wait for a signature of this person, oldest first."""
    counting = Signature.objects.filter(
        version=OuterRef("pk"),
        answer=Answer.SIGNED,
        digest=OuterRef("digest"),
        stale_at=None,
    )
    found = Q(pk__in=[])
    for role, right in RIGHTS.items():
        if by.has_perm(right):
            asked = Q(~Exists(counting.filter(role=role)))
            found |= asked if role == Role.BUSINESS else asked & Q(needs_finance=True)
    own = Q(created_by=by.pk) | Q(sent_by=by.pk)
    review = MappingVersion.objects.filter(
        found, ~Exists(counting.filter(by=by.pk)), state=State.REVIEW
    )
    unwritten = review.exclude(pk__in=review.filter(own))
    return unwritten.select_related("document", "sent_by").order_by("sent_at", "pk")


def unproven(version: MappingVersion) -> list[Scenario]:
    """Return the required scenarios that have not passed on this content."""
    document = version.document
    required = Scenario.objects.filter(
        is_required=True,
        source_system=document.source_system,
        source_entity=document.source_entity,
    )
    return list(required.exclude(pk__in=_passed(version).values("scenario")))


def refuse_unsigned(version: MappingVersion) -> None:
    """Raise ValidationError unless a version may go live where signatures are needed."""
    if not version.document.needs_signatures:
        return
    if version.state not in (State.REVIEW, State.SCHEDULED):
        raise ValidationError(
            f"{version.document} is a production document: send {version} for "
            "signatures first. It goes live when it is signed."
        )
    if digest_of(version) != version.digest:
        raise ValidationError(
            f"{version} is not what was sent for signatures. Take it back and send "
            "it again."
        )
    now = standing(version)
    if not now.is_signed:
        raise ValidationError(f"{version} cannot go live. {now.words}.")


def writers_of(version: MappingVersion) -> set[int]:
    """Return the keys of all people who wrote or sent a version.

    What was promoted from sandbox was written by those who wrote it there, in all the
    versions that production has not seen yet.
    """
    versions = [version, *_carried(version)]
    found = changes.writers_of("mapping", [one.pk for one in versions])
    found |= {pk for one in versions for pk in (one.created_by_id, one.sent_by_id)}
    return {pk for pk in found if pk is not None}


def _carried(version: MappingVersion) -> list[MappingVersion]:
    """Return the sandbox versions whose changes a promotion carries over."""
    origin = version.promoted_from
    if origin is None:
        return []
    since = _promoted_last(version)
    steps = origin.document.versions.filter(number__lt=origin.number)
    if since:
        steps = steps.filter(number__gt=since.number)
    return [origin, *steps]


def _promoted_last(version: MappingVersion) -> MappingVersion | None:
    """Return the sandbox version that what is live in production was promoted from."""
    live = version.document.published()
    if live is None:
        return None
    stands = live.restores or live
    known = version.document.versions.filter(number__lte=stands.number)
    carried = known.exclude(promoted_from=None).exclude(pk=version.pk)
    newest = carried.select_related("promoted_from").order_by("-number").first()
    return newest.promoted_from if newest else None


def _refuse_unseen(version: MappingVersion, seen: str) -> None:
    """Let nobody answer for a content that another one has replaced on its way."""
    if seen and version.state == State.REVIEW and seen != version.digest:
        raise ValidationError(
            f"{version} was changed and sent again while you looked at it. This is how "
            "it stands now: read it again, then answer."
        )


def _signable(version: MappingVersion, role: str, by: User) -> Standing:
    if version.state != State.REVIEW:
        raise ValidationError(
            f"{version} {state_words(version)}: there is nothing to sign."
        )
    why_not = may_sign(version, role, by)
    if why_not:
        raise ValidationError(why_not)
    now = standing(version)
    if role not in now.roles:
        raise ValidationError("No money field changed: finance need not sign.")
    if role in now.signed:
        raise ValidationError(f"{now.signed[Role(role)]} stands already.")
    if digest_of(version) != version.digest:
        raise ValidationError(
            f"{version} is not what was sent. Have it taken back and sent again."
        )
    return now


def _write(
    version: MappingVersion, role: str, by: User, answer: str, note: str
) -> Signature:
    return version.signatures.create(
        role=role,
        answer=answer,
        digest=version.digest,
        note=note.strip()[:500],
        at=timezone.now(),
        by=by,
    )


def _counting(version: MappingVersion) -> list[Signature]:
    """Return the signatures that speak for this content, newest first.

    Not those of somebody who has changed it since.
    """
    if not version.digest:
        return []
    given = version.signatures.filter(
        answer=Answer.SIGNED, digest=version.digest, stale_at=None
    )
    found = list(given.select_related("by"))
    writers = writers_of(version) if found else set()
    return [one for one in found if one.by_id not in writers]


def _passed(version: MappingVersion) -> Any:
    """Return the passed runs on this content: the latest of each scenario counts."""
    runs = ScenarioRun.objects.filter(digest=version.digest)
    latest = runs.order_by().values("scenario").annotate(last=Max("pk"))
    chosen = ScenarioRun.objects.filter(pk__in=latest.values("last"))
    return chosen.filter(state=ScenarioRun.State.PASSED)


def _money(version: MappingVersion) -> list[str]:
    live = version.document.published()
    if live and live.pk == version.pk:
        return []
    try:
        before: Document | None = live.read_document() if live else None
        return money_changes(before, version.read_document())
    except DocumentError:
        return []  # a fault, which keeps it from being sent at all
