"""Runs a command while a core is kept busy: python tools/beside_a_busy_core.py COMMAND …

What keeps it busy ends with this process, also where that is killed.
"""

import subprocess
import sys

BUSY = """
import os
parent = os.getppid()
while os.getppid() == parent:
    pass
"""

if __name__ == "__main__":
    busy = subprocess.Popen([sys.executable, "-c", BUSY])
    try:
        sys.exit(subprocess.call(sys.argv[1:]))
    finally:
        busy.kill()
        busy.wait()
