"""`docdetect serve`: documents sent over HTTP, worked on at once or as jobs that survive a restart."""
