from django.urls import path

from contacts.views import fields, lists, notes, pages, tags

app_name = "contacts"
urlpatterns = [
    path("contacts/", lists.contacts, name="contacts"),
    path("companies/", lists.companies, name="companies"),
    path("contacts/tags/", lists.tags, name="tags"),
    path("contacts/tags/manage/", tags.index, name="contact_tags"),
    path("contacts/tags/rename/", tags.rename, name="rename_tag"),
    path("contacts/tags/remove/", tags.remove, name="remove_tag"),
    path("contacts/<int:pk>/", pages.contact, name="contact"),
    path("companies/<int:pk>/", pages.contact, name="company"),
    path("contacts/<int:pk>/edit/<path:field>/", fields.edit, name="edit"),
    path("contacts/<int:pk>/notes/", notes.write, name="write_note"),
    path("contacts/<int:pk>/notes/<int:note_pk>/", notes.change, name="change_note"),
    path("contacts/<int:pk>/notes/<int:note_pk>/remove/", notes.remove, name="remove_note"),
]
