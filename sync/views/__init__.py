"""The pages of sync: how things stand, one edit, and what can be done about it."""
