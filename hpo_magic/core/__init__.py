"""What a search is, without a clock, a thread, a disk or a screen."""
