"""What the chapters share: data, models, the training loop, checks of the exercises."""

import os

# Beside any other program, threads that wait by spinning slow training down many times over. This
# has to be set before torch is loaded, so chapters import this package first.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"
