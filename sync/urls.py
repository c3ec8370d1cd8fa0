"""The pages of sync."""

from django.urls import path

from sync.views import actions, badges, edit, page

app_name = "sync"
urlpatterns = [
    path("", page.index, name="index"),
    path("now/", page.now, name="now"),
    path("full/", page.full, name="full"),
    path("chip/", page.chip, name="chip"),
    path("edits/<int:pk>/", edit.detail, name="edit"),
    path("edits/<int:pk>/badge/", badges.badge, name="badge"),
    path("edits/<int:pk>/resolve/", edit.resolve, name="resolve"),
    path("edits/<int:pk>/mend/", edit.mend, name="mend"),
    path("edits/<int:pk>/retry/", actions.retry, name="retry"),
    path("edits/<int:pk>/discard/", actions.discard, name="discard"),
    path("edits/<int:pk>/undo/", actions.undo, name="undo"),
    path("edits/<int:pk>/adopt/", actions.adopt, name="adopt"),
]
