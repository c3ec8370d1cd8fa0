"""Connecting: the claim of an installation, and leaving again. The sign-in's addresses are in `nimble.signin.urls`."""

from django.urls import path

from nimble import views

app_name = "nimble"
urlpatterns = [
    path("claim/<str:token>/", views.claim, name="claim"),
    path("connection/disconnect/", views.disconnect, name="disconnect"),
]
