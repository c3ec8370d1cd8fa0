"""Signing in through Nimble: the parts that allauth's provider needs, and who is let in."""
