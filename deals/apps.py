from django.apps import AppConfig


class Deals(AppConfig):
    name = "deals"
    verbose_name = "Deals"

    def ready(self) -> None:
        from deals import queries, streams
        from deals.resources import deals, notes, pipelines
        from sync import registry

        for kind in (pipelines.Pipelines(), deals.Deals(), notes.DealNotes()):
            registry.add_resource(kind)
        registry.add_stream(streams.PIPELINES)
        registry.add_stream(streams.DEALS)
        registry.add_panel("contact", queries.contact_panel)
