from django.urls import path

from deals.views import board, moves

app_name = "deals"
urlpatterns = [
    path("", board.index, name="index"),
    path("tags/", board.tags, name="tags"),
    path("pipelines/<int:pk>/", board.board, name="board"),
    path("pipelines/<int:pk>/stages/<int:stage_pk>/", board.column, name="column"),
    path("pipelines/<int:pk>/watch/", board.watch, name="watch"),
    path("<int:pk>/card/", board.card, name="card"),
    path("<int:pk>/move/", moves.move, name="move"),
    path("<int:pk>/undo/<int:edit_pk>/", moves.undo, name="undo"),
]
