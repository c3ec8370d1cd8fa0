"""Home, profile, and the sign of life."""

from django.urls import path

from team import views

app_name = "team"
urlpatterns = [
    path("", views.home, name="home"),
    path("profile/", views.profile, name="profile"),
    path("profile/preferences/", views.preferences, name="preferences"),
    path("healthz", views.healthz, name="healthz"),
]
