"""Build the files that _toc.yml lists and no others, whatever the project's folder is called.

sphinx_external_toc finds what it leaves out by a glob over the whole path. In a folder named a[b]
that glob finds nothing, and every Markdown file of the project becomes a page. So the listed files
are named to Sphinx, by patterns that are relative to the project's folder.
"""

from glob import escape


def include_listed_files(app, config):
    site_map = config.external_site_map  # made of _toc.yml by sphinx_external_toc
    patterns = [*map(escape, site_map), *site_map.globs()]
    # An entry may be written with its suffix or without.
    suffixes = ("", *config.source_suffix)
    config.include_patterns = [pattern + suffix for pattern in patterns for suffix in suffixes]


def setup(app):
    app.setup_extension("sphinx_external_toc")
    app.connect("config-inited", include_listed_files, priority=950)  # it reads _toc.yml at 900
    return {"parallel_read_safe": True, "parallel_write_safe": True}
