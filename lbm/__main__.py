"""Entry point of `python -m lbm`."""

from lbm.cli import main

main()
