"""Every address of the portal."""

from django.contrib import admin
from django.urls import include, path

from crmportal import probes

urlpatterns = [
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("deals/", include("deals.urls")),
    path("reports/", include("reports.urls")),
    path("", include("contacts.urls")),
    path("sync/", include("sync.urls")),
    path("", include("sync.urls_inbox")),
    path("", include("nimble.urls")),
    path("", include("team.urls")),
    path("readyz", probes.readyz, name="readyz"),
    path("metrics", probes.metrics, name="metrics"),
]

handler403 = "team.views.forbidden"
handler404 = "team.views.not_found"
handler500 = "team.views.server_error"
