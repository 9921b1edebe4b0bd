"""From a folder of documents to results: pipeline, journal, outputs."""
