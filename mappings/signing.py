"""Signatures: a version is sent, and goes live only when others have signed it.

Whoever wrote a version never signs it; where money changes, a second person signs for
finance. A signature speaks for one content, by its digest.
"""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import (
    BooleanField,
    Case,
    Exists,
    OuterRef,
    Q,
    QuerySet,
    When,
)
from django.utils import timezone

from mappings import changes
from mappings.engine import Document, DocumentError
from mappings.models import MappingDocument, MappingVersion, Signature
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
from mappings.requirements import (
    Requirement,
    passed_runs,
    pinned,
    required_of,
    stamp_of,
    unproven,
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
    "asks": [],
    "sent_at": None,
    "sent_by": None,
}


@dataclass(frozen=True)
class Standing:
    """How far a version is on its way to being signed.

    `money` names the money fields that changed; `required` says how many scenarios
    have to pass, and `unproven` are those without a passed run on this very content.
    """

    roles: tuple[Role, ...]
    signed: dict[Role, Signature]
    money: tuple[str, ...]
    required: int
    unproven: tuple[Requirement, ...]

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

    The scenarios that are required now stay required of it, as they are now.
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
        asks=pinned(version),
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

    `seen` is the stamp of what the person looked at, where a page showed it.
    """
    version = locked(version)
    _refuse_unseen(version, seen)
    now = _signable(version, role, by)
    if now.unproven:
        names = ", ".join(one.words for one in now.unproven)
        raise ValidationError(
            f"Not passed on this content yet: {names}. Run the acceptance scenarios, "
            "then sign."
        )
    signature = _write(version, role, by, Answer.SIGNED, note)
    signature.runs.set(passed_runs(version))
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
    required = required_of(version)
    return Standing(
        roles=roles,
        signed={role: signed[role] for role in roles if role in signed},
        money=tuple(money),
        required=len(required),
        unproven=tuple(unproven(version, required)),
    )


def waiting_for(by: Any) -> list[MappingVersion]:
    """Return the versions that wait for a signature of this person, oldest first.

    Never one that the person cannot sign, having written or sent it.
    """
    counting = _given()
    found = Q(pk__in=[])
    for role, right in RIGHTS.items():
        if by.has_perm(right):
            asked = Q(~Exists(counting.filter(role=role)))
            found |= asked if role == Role.BUSINESS else asked & Q(needs_finance=True)
    review = MappingVersion.objects.filter(
        found, ~Exists(counting.filter(by=by.pk)), state=State.REVIEW
    )
    marked = review.annotate(may_be_own=_may_be_own(by))
    waiting = marked.select_related("document", "sent_by").order_by("sent_at", "pk")
    return [one for one in waiting if not (one.may_be_own and by.pk in writers_of(one))]


def ready() -> list[MappingVersion]:
    """Return the versions that have every signature and wait to go live.

    Only what the business signed is looked at closely: it signs in any case.
    """
    signed = Exists(_given().filter(role=Role.BUSINESS))
    review = MappingVersion.objects.filter(signed, state=State.REVIEW)
    sent = review.select_related("document", "sent_by").order_by("sent_at", "pk")
    return [one for one in sent if standing(one).is_signed]


def was_signed(document: MappingDocument) -> bool:
    """Say whether anybody signed what is in force of a document.

    Nobody did where a file brought its first version, or an update found it live.
    """
    live = document.published()
    stands = (live.restores or live) if live else None
    if stands is None:
        return False
    given = stands.signatures.filter(answer=Answer.SIGNED, digest=stands.digest)
    return given.exists()


def _given() -> QuerySet[Signature]:
    """Choose the signatures that speak for the content of a version in a query."""
    return Signature.objects.filter(
        version=OuterRef("pk"),
        answer=Answer.SIGNED,
        digest=OuterRef("digest"),
        stale_at=None,
    )


def _may_be_own(by: Any) -> Case:
    """Mark the versions that this person has written or sent, or may have."""
    mine = Q(created_by=by.pk) | Q(sent_by=by.pk) | changes.written_by("mapping", by)
    touched = MappingVersion.objects.filter(mine).order_by().values("document")
    own = mine | Q(promoted_from__document__in=touched)
    return Case(When(own, then=True), default=False, output_field=BooleanField())


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
    if seen and version.state == State.REVIEW and seen != stamp_of(version):
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


def _money(version: MappingVersion) -> list[str]:
    live = version.document.published()
    if live and live.pk == version.pk:
        return []
    try:
        before: Document | None = live.read_document() if live else None
        return money_changes(before, version.read_document())
    except DocumentError:
        return []  # a fault, which keeps it from being sent at all
