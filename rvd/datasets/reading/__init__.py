"""ReaderResult raw files: archives, films and pictures."""
