"""The installation's client id and secret at Nimble, as allauth's SocialApp."""

from allauth.socialaccount.models import SocialApp
from django.conf import settings

PROVIDER = "nimble"


def social_app() -> SocialApp | None:
    """The SocialApp to use; where there is none yet, the one that the environment describes.

    From then on the admin site is where it is changed.
    """
    app = SocialApp.objects.filter(provider=PROVIDER).order_by("-pk").first()
    if app is None and settings.NIMBLE_CLIENT_ID and settings.NIMBLE_CLIENT_SECRET:
        app, _created = SocialApp.objects.get_or_create(
            provider=PROVIDER,
            client_id=settings.NIMBLE_CLIENT_ID,
            defaults={"name": "Nimble", "secret": settings.NIMBLE_CLIENT_SECRET},
        )
    return app


def differs_from_environment(app: SocialApp) -> bool:
    """Whether the environment names another client id or secret than the one in use."""
    named = (settings.NIMBLE_CLIENT_ID, settings.NIMBLE_CLIENT_SECRET)
    return any(named) and named != (app.client_id, app.secret)
