"""What printing, copying, scanning and photographing do to a page."""
