"""The thesis, executable: what its notebooks share."""
