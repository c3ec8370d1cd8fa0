"""What must stay secret, and be there: keys, the client's secret, tokens."""

from collections.abc import Iterator

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialToken
from django.conf import settings

from crmportal.doctor.finding import Finding, counted
from nimble import mfa
from nimble.encryption import ENCRYPTED, Undecipherable
from nimble.models import Connection
from nimble.registration import differs_from_environment, social_app


def keys() -> Iterator[Finding]:
    """Whether every stored secret opens with the keys that are set."""
    closed = 0
    for model, names in ENCRYPTED.items():
        for pk in model._default_manager.values_list("pk", flat=True):
            try:
                model._default_manager.filter(pk=pk).values_list(*names).get()
            except Undecipherable:
                closed += 1
    for authenticator in Authenticator.objects.all():
        try:
            mfa.check(authenticator)
        except Undecipherable:
            closed += 1
    if closed:
        text = counted(closed, "stored secret", "stored secrets")
        yield Finding(
            f"{text} cannot be decrypted: TOKEN_KEYS lacks the key that was used",
            "append the former key to TOKEN_KEYS, after a comma, then ./run manage rotate_keys",
        )
    else:
        yield Finding("every stored secret can be decrypted")


def application() -> Iterator[Finding]:
    """Whether Nimble knows us, as the environment and the admin site say."""
    try:
        app = social_app()
    except Undecipherable:
        return  # told with the keys
    if app is None:
        yield Finding(
            "there is no client id and secret for Nimble, so nobody can sign in through it",
            "set NIMBLE_CLIENT_ID and NIMBLE_CLIENT_SECRET, or add a social application in the admin site",
        )
    elif differs_from_environment(app):
        yield Finding(
            "NIMBLE_CLIENT_ID or NIMBLE_CLIENT_SECRET differs from the admin site's social application, which counts",
            f"correct either: {settings.PUBLIC_URL}/admin/socialaccount/socialapp/{app.pk}/change/",
        )
    else:
        yield Finding(f"Nimble knows this installation as {app.client_id}")


def tokens() -> Iterator[Finding]:
    """Whether everybody who counts as connected has tokens."""
    for each in Connection.objects.active().select_related("workspace"):
        if not SocialToken.objects.filter(account_id=each.account_id).only("pk").exists():
            yield Finding(
                f"{each} in {each.workspace} is connected, but the tokens are missing",
                "they sign in through Nimble once more",
            )
