"""Programs that make what docdetect ships; they are no part of the package."""
