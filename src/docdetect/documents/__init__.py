"""PDFs and images in, pages out; drawing. The only room that imports PyMuPDF."""
