"""The operator's team: who is in it, who is asked in, and that an owner always stays.

Everything happens in the operator's scope. What cannot be is raised as ``TeamRefused`` with the sentence for the page.
"""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction

from tenants.models import Invitation, Role, User

INVITATION_LASTS = timedelta(days=7)
# Whoever holds one is let in as a member who is here: it is used soon, or made anew.
NEW_PASSWORD_LASTS = timedelta(hours=24)
IS_HERE = "Somebody with this e-mail is here already. Invite a person under an address that is used for nothing else."
JUST_INVITED = "A link for this person was made at this very moment. Look at the list below."
NO_OWNER = "You are not an owner any more."
LAST_OWNER = "This is the only owner. Make somebody else an owner first."
CLOSED = "This member's access is closed. Open it again first."
OWN = "Your own password is changed by whoever knows it: choose “Change password” in your row."
WALLET_ONLY = "This member signs in with a wallet and has no password to choose anew."
LINK_ENDED = "This link was used, was withdrawn, or is too old. Ask the owner for a new one."


class TeamRefused(Exception):
    """A change of the team that cannot be; the text says why."""


def members() -> list[User]:
    """Everybody with a role, those who may come in first."""
    return list(User.objects.exclude(role="").order_by("-is_active", "role", "email", "pk"))


def invite(inviter: User, email: str, role: Role, now: datetime) -> str:
    """Ask somebody in and return the secret of the link, which is told this once. A new link ends an older one.

    Raises ``TeamRefused`` for somebody who is here already, and for an inviter who is no owner any more.
    """
    if User.objects.filter(email__iexact=email).exists():
        raise TeamRefused(IS_HERE)
    return _make_link(inviter, email, role, now, INVITATION_LASTS)


def renew(inviter: User, member_id: int, now: datetime) -> tuple[User, str]:
    """Let a member who is here choose a new password; return him and the secret of the link, which is told this once.

    Raises ``User.DoesNotExist`` for whoever is not in the team, ``TeamRefused`` for the inviter himself, for a member
    who may not come in or has no password, and for an inviter who is no owner any more.
    """
    if member_id == inviter.pk:
        raise TeamRefused(OWN)
    member: User = User.objects.exclude(role="").get(pk=member_id)
    if not member.is_active:
        raise TeamRefused(CLOSED)
    if not member.email:
        raise TeamRefused(WALLET_ONLY)
    return member, _make_link(inviter, member.email, Role(member.role), now, NEW_PASSWORD_LASTS)


def _make_link(inviter: User, email: str, role: Role, now: datetime, lasts: timedelta) -> str:
    secret = secrets.token_urlsafe(32)
    invitation = Invitation(
        email=email,
        role=role,
        digest=digest_of(secret),
        invited_by=inviter,
        created_at=now,
        expires_at=now + lasts,
    )
    try:
        with transaction.atomic():
            # Locked, so that whoever takes the role away afterwards finds this link and ends it.
            row = User.objects.select_for_update().filter(pk=inviter.pk).first()
            if row is None or not _leads(row):
                raise TeamRefused(NO_OWNER)
            Invitation.objects.filter(email__iexact=email).delete()
            invitation.save()
    except IntegrityError:
        raise TeamRefused(JUST_INVITED) from None
    return secret


def invitation_of(digest: str, now: datetime) -> Invitation:
    """The invitation that a link's secret of this digest stands for. Raises ``TeamRefused`` where there is none."""
    found: Invitation | None = Invitation.objects.filter(digest=digest, expires_at__gt=now).first()
    if found is None:
        raise TeamRefused(LINK_ENDED)
    return found


def member_of(invitation: Invitation) -> User | None:
    """The member whose password a link sets anew, which is whoever was here before it was made; None for a newcomer."""
    here = User.objects.exclude(role="").filter(email__iexact=invitation.email, created_at__lt=invitation.created_at)
    found: User | None = here.first()
    return found


def join(digest: str, password: str, now: datetime) -> tuple[User, bool]:
    """Give the person of a link this password, once, and say whether he is new to the team. A member stays what he is,
    and whoever was signed in as him is not any more: a session ends with the password it was opened by.
    """
    invitation, hashed = invitation_of(digest, now), make_password(password)
    try:
        with transaction.atomic():
            taken, _ = Invitation.objects.filter(pk=invitation.pk).delete()
            if not taken:
                raise TeamRefused(LINK_ENDED)
            member = member_of(invitation)
            if member is None:
                newcomer = User(email=invitation.email, role=invitation.role, password=hashed)
                newcomer.save()
                return newcomer, True
            if not User.objects.filter(pk=member.pk, is_active=True).update(password=hashed):
                raise TeamRefused(LINK_ENDED)
    except IntegrityError:
        raise TeamRefused(IS_HERE) from None
    member.password = hashed
    return member, False


@transaction.atomic
def change_member(
    actor_id: int, member_id: int, *, role: Role | None = None, is_active: bool | None = None
) -> tuple[User, User]:
    """Give a member another role, or close or reopen his way in; return him as he was and as he is.

    The links of an owner who is none any more end with it: one made out to himself would lead back in. A link to a new
    password for the member ends with any change. Raises ``User.DoesNotExist`` for whoever is not in the team,
    ``TeamRefused`` where no owner would be left, or where the actor is no owner by the time the team is locked.
    """
    team = {row.pk: row for row in User.objects.select_for_update().exclude(role="").order_by("pk")}
    if actor_id not in team or not _leads(team[actor_id]):
        raise TeamRefused(NO_OWNER)
    if member_id not in team:
        raise User.DoesNotExist
    member, before = team[member_id], User.objects.get(pk=member_id)
    member.role = member.role if role is None else role
    member.is_active = member.is_active if is_active is None else is_active
    if not any(_leads(row) for row in team.values()):
        raise TeamRefused(LAST_OWNER)
    member.save(update_fields=["role", "is_active"])
    Invitation.objects.filter(email__iexact=member.email).delete()
    if not _leads(member):
        Invitation.objects.filter(invited_by=member).delete()
    return before, member


def _leads(member: User) -> bool:
    return bool(member.role == Role.OWNER and member.is_active)


def digest_of(secret: str) -> str:
    """What is kept of a link's secret: enough to know it again, nothing to walk in with."""
    return hashlib.sha256(secret.encode()).hexdigest()
