"""Results of `infer` that people look at and correct: pages to review, their pictures, and the log of corrections."""
