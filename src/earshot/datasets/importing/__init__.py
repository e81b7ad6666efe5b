"""What every import needs: the draft of a delivery, and reading foreign files row by row."""
