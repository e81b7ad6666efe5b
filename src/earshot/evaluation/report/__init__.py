"""report.html: one page, self-contained, that opens offline."""
