from django.urls import path

from reports.views import deals, past, report

app_name = "reports"
urlpatterns = [
    path("", report.index, name="index"),
    path("deals/", deals.behind, name="deals"),
    path("past/", past.board, name="past"),
    path("changes/", past.changes, name="changes"),
    path("<slug:name>/", report.report, name="report"),
    path("<slug:name>/export/", report.export, name="export"),
]
