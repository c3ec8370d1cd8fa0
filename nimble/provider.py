"""The provider `nimble`: allauth finds it here."""

from typing import Any

from allauth.account.utils import get_next_redirect_url
from allauth.socialaccount.providers.base import ProviderAccount
from allauth.socialaccount.providers.base.constants import AuthProcess
from allauth.socialaccount.providers.oauth2.provider import OAuth2Provider
from django.conf import settings
from django.http import HttpRequest

from nimble.signin.adapter import NimbleAdapter


class NimbleAccount(ProviderAccount):
    def to_str(self) -> str:
        return self.account.extra_data.get("name") or self.account.uid


class NimbleProvider(OAuth2Provider):
    """Who someone is comes from `myself`: the user id, never the e-mail address, which is not even handed over."""

    id = "nimble"
    name = "Nimble"
    package = "nimble.signin"
    account_class = NimbleAccount
    oauth2_adapter_class = NimbleAdapter

    def get_default_scope(self) -> list[str]:
        return [scope for scope in settings.NIMBLE_SCOPES.split(",") if scope]

    def get_redirect_from_request_kwargs(self, request: HttpRequest) -> dict[str, Any]:
        """Only where to go afterwards is the visitor's to say: no scope, no parameters, no linking of accounts."""
        kwargs: dict[str, Any] = {"process": AuthProcess.LOGIN}
        next_url = get_next_redirect_url(request)
        if next_url:
            kwargs["next_url"] = next_url
        return kwargs

    def get_pkce_params(self) -> dict[str, Any]:
        """Nimble documents no PKCE."""
        return {}

    def extract_uid(self, data: dict[str, Any]) -> str:
        return data["user_id"]

    def extract_extra_data(self, data: dict[str, Any]) -> dict[str, Any]:
        return {key: data[key] for key in ("user_id", "company_id", "name", "email") if key in data}

    def extract_common_fields(self, data: dict[str, Any]) -> dict[str, Any]:
        return {"username": f"nimble-{data['user_id']}", "name": data.get("name", "")}


provider_classes = [NimbleProvider]
