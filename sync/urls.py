"""The pages of sync."""

from django.urls import path

from sync.views import actions, badges, brakes, edit, figures, page, streams

app_name = "sync"
urlpatterns = [
    path("", page.index, name="index"),
    path("now/", page.now, name="now"),
    path("full/", page.full, name="full"),
    path("chip/", page.chip, name="chip"),
    path("streams/<slug:name>/now/", streams.now, name="stream_now"),
    path("streams/<slug:name>/pause/", streams.pause, name="pause"),
    path("streams/<slug:name>/resume/", streams.resume, name="resume"),
    path("streams/<slug:name>/full/", streams.full, name="stream_full"),
    path("figures/", figures.index, name="figures"),
    path("figures/<slug:name>/repair/", figures.repair, name="repair"),
    path("brakes/<int:pk>/approve/", brakes.approve, name="approve"),
    path("brakes/<int:pk>/refuse/", brakes.refuse, name="refuse"),
    path("edits/<int:pk>/", edit.detail, name="edit"),
    path("edits/<int:pk>/badge/", badges.badge, name="badge"),
    path("edits/<int:pk>/resolve/", edit.resolve, name="resolve"),
    path("edits/<int:pk>/preview/", edit.preview, name="preview"),
    path("edits/<int:pk>/mend/", edit.mend, name="mend"),
    path("edits/<int:pk>/retry/", actions.retry, name="retry"),
    path("edits/<int:pk>/discard/", actions.discard, name="discard"),
    path("edits/<int:pk>/undo/", actions.undo, name="undo"),
    path("edits/<int:pk>/adopt/", actions.adopt, name="adopt"),
    path("edits/<int:pk>/choose/", actions.choose, name="choose"),
    path("edits/<int:pk>/restore/", actions.restore, name="restore"),
    path("edits/<int:pk>/recreate/", actions.recreate, name="recreate"),
]
