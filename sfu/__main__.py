"""`python -m sfu`: the command line of a checkout, which has no `sfu` on its path."""

from sfu.cli import main

main()
