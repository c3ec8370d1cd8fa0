"""Managing pipelines: their stages, lost reasons and fields. Every change is an edit of the pipeline itself."""
