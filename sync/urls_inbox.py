"""The inbox, and the history of everything that was changed here."""

from django.urls import path

from sync.views import batches, history, inbox

app_name = "inbox"
urlpatterns = [
    path("inbox/", inbox.index, name="index"),
    path("inbox/many/", batches.begin, name="many"),
    path("inbox/batches/<int:pk>/", batches.detail, name="batch"),
    path("inbox/batches/<int:pk>/pause/", batches.pause, name="pause_batch"),
    path("inbox/batches/<int:pk>/undo/", batches.undo, name="undo_batch"),
    path("inbox/quarantined/<int:pk>/again/", inbox.read_again, name="read_again"),
    path("history/", history.index, name="history"),
    path("history/export/", history.export, name="export"),
]
