"""Connecting: the claim of an installation, and leaving again."""

from django.urls import URLPattern

app_name = "nimble"
urlpatterns: list[URLPattern] = []
