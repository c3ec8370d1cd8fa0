from django.urls import path

from team import views

app_name = "team"
urlpatterns = [
    path("", views.home, name="home"),
    path("profile/", views.profile, name="profile"),
    path("healthz", views.healthz, name="healthz"),
]
