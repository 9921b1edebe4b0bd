"""Annotation formats: one codec per format, pure functions between text or plain data and docdetect's types."""
