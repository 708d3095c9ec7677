"""The bar that a notebook shows while a network is trained."""

import os
import warnings

from tqdm import TqdmWarning, tqdm


def progress_bar(shown: bool, **options) -> tqdm:
    """tqdm's bar with these `options`, in the form that a notebook has, if it has one.

    None is shown where the environment variable TQDM_DISABLE is set: what a bar says is another
    thing at every run, and stored outputs are compared.
    """
    if not shown or os.environ.get("TQDM_DISABLE"):
        return tqdm(disable=True, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TqdmWarning)  # without ipywidgets the bar is a line of text
        from tqdm.auto import tqdm as bar
    return bar(disable=False, leave=False, **options)  # tqdm reads the variable when it is loaded
