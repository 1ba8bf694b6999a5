"""`python -m nuweave.cli` is `nuweave`."""

from nuweave.cli import main

main()
