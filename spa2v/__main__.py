"""`python -m spa2v`: the command line without the installed script."""

from spa2v.cli import main

main()
