"""Configuration: its sections and keys (`schema`), and how files, `--set` and options become one (`loading`)."""
