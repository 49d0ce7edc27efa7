"""``python -m rvd``: the same as the command ``rvd``."""

from rvd.cli import main

main()
