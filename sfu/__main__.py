"""`python -m sfu`: the command `sfu` of the Python that runs it."""

from sfu.cli import main

main()
