"""``python -m perpsstudio.demo``: the demo without loading Django in the supervisor, for a quicker start."""

import os
import sys

from perpsstudio.demo.run import main

sys.exit(main(os.environ, sys.stdout))
