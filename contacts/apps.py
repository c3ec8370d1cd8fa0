from django.apps import AppConfig


class Contacts(AppConfig):
    name = "contacts"
    verbose_name = "Contacts"

    def ready(self) -> None:
        from contacts import streams
        from contacts.resources import contacts, notes
        from sync import registry

        registry.add_resource(contacts.Contacts())
        registry.add_resource(notes.ContactNotes())
        registry.add_stream(streams.FIELDS)
        registry.add_stream(streams.CONTACTS)
        registry.add_stream(streams.LISTING)
        registry.add_stream(streams.NOTES)
        registry.add_beside("contact", streams.notes_of)
