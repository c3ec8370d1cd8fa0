from django.apps import AppConfig


class Deals(AppConfig):
    name = "deals"
    verbose_name = "Deals"

    def ready(self) -> None:
        from deals import overdue, queries, streams
        from deals.resources import deals, files, notes, pipelines, tags, tasks
        from sync import registry

        for kind in (
            *(pipelines.Pipelines, deals.Deals, notes.DealNotes),
            *(files.DealFiles, tasks.DealTasks, tags.DealTags),
        ):
            registry.add_resource(kind())
        registry.add_stream(streams.PIPELINES)
        registry.add_stream(streams.DEALS)
        registry.add_beside("deal", overdue.read)
        registry.add_panel("contact", queries.contact_panel)
