"""The command line: options in, one call, one summary out; no work is done here."""
