"""`python -m cnn_course` is the command `cnn-course`."""

import sys

from cnn_course.cli import main

sys.exit(main())
