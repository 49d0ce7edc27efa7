"""Reading raw files: archives, films and pictures."""
