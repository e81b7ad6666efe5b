"""Weights of published networks, brought into the workspace once, at a user's request."""
