"""docdetect finds QR codes, signatures and stamps on scanned legal documents."""

__version__ = "0.1.0"
