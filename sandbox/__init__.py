"""A stand-in for Nimble over real HTTP on loopback, for the demo and the tests. See README.md beside this file."""
