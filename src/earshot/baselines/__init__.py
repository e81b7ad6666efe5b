"""What an encoder must beat."""
