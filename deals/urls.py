from django.urls import path

from deals.views import board, create, deal, display, fields, many, moves, notes, saved

app_name = "deals"
urlpatterns = [
    path("", board.index, name="index"),
    path("new/", create.new, name="new"),
    path("many/", many.many, name="many"),
    path("many/<int:pk>/undo/", many.undo, name="undo_many"),
    path("views/", saved.views, name="views"),
    path("views/<int:pk>/", saved.view, name="view"),
    path("views/<int:pk>/default/", saved.default, name="default_view"),
    path("views/<int:pk>/remove/", saved.remove, name="remove_view"),
    path("tags/", board.tags, name="tags"),
    path("pipelines/<int:pk>/", board.board, name="board"),
    path("pipelines/<int:pk>/columns/<str:column>/", board.column, name="column"),
    path("pipelines/<int:pk>/display/", display.choose, name="display"),
    path("pipelines/<int:pk>/live/", board.live, name="live"),
    path("<int:pk>/", deal.deal, name="deal"),
    path("<int:pk>/head/", deal.head, name="head"),
    path("<int:pk>/pulse/", deal.pulse, name="pulse"),
    path("<int:pk>/fresh/", deal.fresh, name="fresh"),
    path("<int:pk>/history/", deal.history, name="history"),
    path("<int:pk>/edit/<str:field>/", fields.edit, name="edit"),
    path("<int:pk>/notes/", notes.write, name="write_note"),
    path("<int:pk>/notes/<int:note_pk>/", notes.change, name="change_note"),
    path("<int:pk>/notes/<int:note_pk>/remove/", notes.remove, name="remove_note"),
    path("<int:pk>/card/", board.card, name="card"),
    path("<int:pk>/move/", moves.move, name="move"),
    path("<int:pk>/undo/<int:edit_pk>/", moves.undo, name="undo"),
]
