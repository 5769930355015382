"""Staged labelled sets of three sources as questions to a classifier, for `classifier_sources.py`: what to learn from, what to
ask about."""
