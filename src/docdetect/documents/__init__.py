"""Documents: PDF, TIFF and image files to pages, pages to pictures; the only importer of PyMuPDF."""
