"""What a user holds after a search."""
