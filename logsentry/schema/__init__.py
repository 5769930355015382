"""The words that every part shares: record, event, window, score. No part of this folder knows any log format."""
