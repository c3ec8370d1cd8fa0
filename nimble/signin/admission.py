"""Who is let in, and what a sign-in leaves behind: the workspace, the connection and the member."""

from functools import partial
from typing import Any
from urllib.parse import urlsplit

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.models import SocialAccount, SocialLogin, SocialToken
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from nimble import tokens
from nimble.models import Claim, Connection, ConnectionState, Member, Workspace
from nimble.registration import PROVIDER
from nimble.signals import connected
from nimble.signin.pages import Reason, failed
from nimble.transport import LOOPBACK

CLAIM_KEY = "nimble_claim"


def refusal(request: HttpRequest, person: dict[str, Any]) -> Reason | None:
    """Why this person may not come in; None if they may."""
    account = SocialAccount.objects.filter(provider=PROVIDER, uid=person["user_id"]).select_related("user").first()
    if account and not account.user.is_active:
        return Reason.INACTIVE
    return None if _is_admitted(request, person["company_id"]) else Reason.NOT_ADMITTED


def _is_admitted(request: HttpRequest, company_id: str) -> bool:
    """A company that is here already, or whose people may bring it here."""
    if Workspace.objects.filter(company_id=company_id).exists() or _needs_no_claim(company_id):
        return True
    return Claim.objects.open(request.session.get(CLAIM_KEY, "")) is not None


def _needs_no_claim(company_id: str) -> bool:
    """The company that the settings name; without that, the first one on an installation only this machine reaches."""
    if settings.NIMBLE_COMPANY_ID:
        return company_id == settings.NIMBLE_COMPANY_ID
    on_loopback = urlsplit(settings.PUBLIC_URL).hostname in LOOPBACK
    return on_loopback and not Workspace.objects.exclude(company_id=company_id).exists()


def before_sign_in(person: dict[str, Any]) -> None:
    """Before allauth stores the new pair: a renewal of the old one that is on its way must not overwrite it.

    Where the account was removed, the person finds back to the user that they were.
    """
    for connection in Connection.objects.filter(nimble_user_id=person["user_id"]).latest_first():
        tokens.supersede(connection)
        SocialAccount.objects.get_or_create(
            provider=PROVIDER, uid=person["user_id"], defaults={"user_id": connection.user_id}
        )


def after_sign_in(request: HttpRequest, sociallogin: SocialLogin, redirect_uri: str) -> None:
    """The pair is stored: connect the person, all or nothing."""
    account = sociallogin.account
    person = account.extra_data
    now = timezone.now()
    with transaction.atomic():
        workspace, created = Workspace.objects.get_or_create(
            company_id=person["company_id"], defaults={"name": _company_name(person)}
        )
        claimed = created and Claim.objects.use(request.session.get(CLAIM_KEY, ""), account.user)
        if created and not claimed and not _needs_no_claim(workspace.company_id):
            # Two companies came with one link; the other one was faster.
            raise ImmediateHttpResponse(failed(request, Reason.NOT_ADMITTED))
        connection, _created = Connection.objects.update_or_create(
            workspace=workspace,
            nimble_user_id=person["user_id"],
            defaults={
                "user": account.user,
                "account": account,
                "name": person.get("name", "")[:200],
                "email": person.get("email", "")[:320],
                "state": ConnectionState.ACTIVE,
                "state_reason": "",
                "lease_token": "",
                "lease_until": None,
                "redirect_uri": redirect_uri,
                "token_refreshed_at": now,
                "last_seen_at": now,
            },
        )
        # A person works in one company at a time: the pair that is stored now is good for this one alone.
        for former in account.connections.exclude(pk=connection.pk):
            Connection.objects.filter(pk=former.pk).update(state=ConnectionState.LEFT, account=None)
        # A pair that a former client id was given is good for nothing.
        SocialToken.objects.filter(account=account).exclude(pk=sociallogin.token.pk).delete()
        Member.objects.remember(workspace, [person])
        transaction.on_commit(partial(connected.send_robust, sender=Connection, connection=connection), robust=True)
    request.session.pop(CLAIM_KEY, None)


def _company_name(person: dict[str, Any]) -> str:
    """Nimble does not tell a company's name, so the part of the address that it most often is in will do."""
    return person.get("email", "").rpartition("@")[2][:200]
