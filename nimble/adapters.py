"""How allauth signs people in here."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext as _

from nimble.encryption import ENCRYPTED, decrypt, encrypt
from nimble.registration import PROVIDER, social_app
from nimble.signin import admission
from nimble.signin.adapter import NimbleAdapter
from nimble.signin.pages import Reason, failed


class AccountAdapter(DefaultAccountAdapter):
    """Password accounts are an operator's to make."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    """Whoever comes as far as this was admitted when Nimble said who they are."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return sociallogin.account.provider == PROVIDER

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Called when the pair of somebody known is stored."""
        if sociallogin.is_existing:
            self._connect(request, sociallogin)

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> Any:
        with transaction.atomic():
            user = super().save_user(request, sociallogin, form)
            self._connect(request, sociallogin)
        return user

    def _connect(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        redirect_uri = NimbleAdapter(request).get_callback_url(request, sociallogin.provider.app)
        admission.after_sign_in(request, sociallogin, redirect_uri)

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, error: Any = None, exception: Any = None, extra_context: Any = None
    ) -> None:
        """What is left for allauth to find: the sign-in was not started in this browser, or too long ago."""
        raise ImmediateHttpResponse(failed(request, Reason.STATE))

    def validate_disconnect(self, account: SocialAccount, accounts: Any) -> None:
        raise ValidationError(_("Disconnect from Nimble on your profile page."))

    def get_app(self, request: HttpRequest, provider: Any, client_id: str | None = None) -> SocialApp:
        if provider != PROVIDER or client_id:
            return super().get_app(request, provider, client_id=client_id)
        app = social_app()
        if app is None:
            raise SocialApp.DoesNotExist
        return app

    def serialize_instance(self, instance: Model) -> dict[str, Any]:
        """allauth keeps a sign-in that is not finished in the session: tokens go there encrypted, too."""
        data = super().serialize_instance(instance)
        return {**data, **{name: encrypt(data[name]) for name in ENCRYPTED.get(type(instance), ()) if data.get(name)}}

    def deserialize_instance(self, model: type[Model], data: Any) -> Any:
        if isinstance(data, dict):
            data = {**data, **{name: decrypt(data[name]) for name in ENCRYPTED.get(model, ()) if data.get(name)}}
        return super().deserialize_instance(model, data)
