"""Fails while it is imported."""

raise RuntimeError("its licence server does not answer")
