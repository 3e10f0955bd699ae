"""`python -m gallery_operator`."""

import sys

from gallery_operator.cli import main

sys.exit(main())
