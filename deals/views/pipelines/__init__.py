"""The pages on which pipelines are managed."""
