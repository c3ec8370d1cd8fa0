"""`/accounts/nimble/login/` and its callback; allauth includes them."""

from allauth.socialaccount.providers.oauth2.urls import default_urlpatterns

from nimble.provider import NimbleProvider

urlpatterns = default_urlpatterns(NimbleProvider)
