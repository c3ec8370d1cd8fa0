"""Home, profile, notifications, and the sign of life."""

from django.urls import path

from team import views

app_name = "team"
urlpatterns = [
    path("", views.home, name="home"),
    path("palette/", views.palette, name="palette"),
    path("profile/", views.profile, name="profile"),
    path("profile/preferences/", views.preferences, name="preferences"),
    path("notifications/", views.notifications, name="notifications"),
    path("notifications/read/", views.read_all, name="read_all"),
    path("notifications/<int:pk>/", views.follow, name="notification"),
    path("healthz", views.healthz, name="healthz"),
]
