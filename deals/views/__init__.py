"""The pages of deals, by noun."""
