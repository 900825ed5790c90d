"""`python -m sagecert_verify`: the command."""

import sys

from sagecert_verify.command import main

if __name__ == "__main__":
    sys.exit(main())
