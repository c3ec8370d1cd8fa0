"""The pages on which pipelines are managed; under `deals:`."""

from django.urls import path

from deals.views.pipelines import parts, removal, whole

urlpatterns = [
    path("", whole.index, name="pipelines"),
    path("new/", whole.new, name="new_pipeline"),
    path("owner/", whole.own, name="own_company"),
    path("<int:pk>/manage/", whole.manage, name="manage"),
    path("<int:pk>/manage/edit/", whole.edit, name="edit_pipeline"),
    path("<int:pk>/manage/archive/", whole.archive, name="archive_pipeline"),
    path("<int:pk>/manage/delete/", whole.delete, name="delete_pipeline"),
    path("<int:pk>/manage/add/<slug:kind>/", parts.add, name="add_part"),
    path("<int:pk>/manage/<str:part>/", parts.change, name="change_part"),
    path("<int:pk>/manage/<str:part>/archive/", parts.archive, name="archive_stage"),
    path("<int:pk>/manage/<str:part>/move/", parts.move, name="move_part"),
    path("<int:pk>/manage/<str:part>/remove/", removal.remove, name="remove_part"),
]
