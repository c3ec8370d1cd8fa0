from django.apps import AppConfig


class Contacts(AppConfig):
    name = "contacts"
    verbose_name = "Contacts"

    def ready(self) -> None:
        from contacts import resource, streams
        from sync import registry

        registry.add_resource(resource.Contacts())
        registry.add_resource(resource.ContactNotes())
        registry.add_stream(streams.FIELDS)
        registry.add_stream(streams.CONTACTS)
        registry.add_stream(streams.LISTING)
        registry.add_stream(streams.NOTES)
        registry.add_beside("contact", streams.notes_of)
