"""Inference over documents: the run, its stages, the journal and the result files."""
