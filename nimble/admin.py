"""The admin site: who is connected, and the client id; never a secret."""

from typing import Any

import allauth.socialaccount.admin  # noqa: F401 - it registers what is replaced here
from allauth.socialaccount.models import SocialApp, SocialToken
from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from nimble import tokens
from nimble.encryption import TooLong, sealed
from nimble.models import Connection, Member, Workspace
from nimble.registration import PROVIDER

admin.site.unregister(SocialToken)
admin.site.unregister(SocialApp)


class SocialAppForm(forms.ModelForm):
    """The secret can be written and not be read: left empty, it stays."""

    secret = forms.CharField(
        label=_("client secret"),
        required=False,
        strip=True,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off", "size": 80}),
        help_text=_("Stored encrypted and never shown. Leave it empty to keep the present one."),
    )

    class Meta:
        model = SocialApp
        fields = ["name", "client_id", "secret"]

    def clean_secret(self) -> str:
        secret = self.cleaned_data["secret"] or self.instance.secret
        if not secret:
            raise forms.ValidationError(_("Nimble gives a secret with the client id."))
        try:
            sealed(SocialApp._meta.get_field("secret"), secret)
        except TooLong as error:
            raise forms.ValidationError(str(error)) from None
        return secret

    def save(self, commit: bool = True) -> SocialApp:
        self.instance.provider = PROVIDER
        return super().save(commit)


@admin.register(SocialApp)
class SocialAppAdmin(admin.ModelAdmin):
    form = SocialAppForm
    list_display = ["name", "client_id"]


class ReadOnly(admin.ModelAdmin):
    """What Nimble says is not edited here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Workspace)
class WorkspaceAdmin(admin.ModelAdmin):
    """Adding one admits its company: everyone in it may sign in then."""

    list_display = ["name", "company_id", "created_at"]
    search_fields = ["name", "company_id"]
    fields = ["name", "company_id", "created_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["company_id", "created_at"] if obj else ["created_at"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Connection)
class ConnectionAdmin(ReadOnly):
    list_display = ["name", "workspace", "state", "state_reason", "token_refreshed_at", "last_seen_at"]
    list_filter = ["state", "workspace"]
    search_fields = ["name", "nimble_user_id"]
    fields = [
        "workspace", "user", "nimble_user_id", "name", "email", "state", "state_reason",
        "token_refreshed_at", "created_at", "last_seen_at",
    ]  # fmt: skip
    actions = ["ask_to_reconnect", "disconnect"]

    # An action without its own permission would need the one to change, which nobody has.
    @admin.action(description=_("Ask to sign in to Nimble again"), permissions=["view"])
    def ask_to_reconnect(self, request: HttpRequest, queryset: QuerySet[Connection]) -> None:
        for connection in queryset:
            tokens.mark_reconnect(connection, "An operator asked for it.")

    @admin.action(description=_("Disconnect (removes the tokens, keeps the mirror)"), permissions=["view"])
    def disconnect(self, request: HttpRequest, queryset: QuerySet[Connection]) -> None:
        for connection in queryset:
            tokens.forget(connection)


@admin.register(Member)
class MemberAdmin(ReadOnly):
    list_display = ["name", "workspace", "email", "is_active"]
    list_filter = ["workspace", "is_active"]
    search_fields = ["name", "email", "nimble_user_id"]
