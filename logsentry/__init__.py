"""Score the logs you already collect with detectors you can train and trust."""

__version__ = "0.1.0"
