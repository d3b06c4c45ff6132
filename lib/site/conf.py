"""Sphinx's settings for the website; nothing is executed and nothing comes from another address."""

project = "Image Analysis for Food Safety and Health"
html_title = "The thesis, executable"
author = "The authors of the collection"
copyright = f"2026 {author}"  # the theme links it to copyright.md
language = "en"

extensions = ["myst_nb", "sphinxcontrib.bibtex", "sphinx-mathjax-offline"]
nb_execution_mode = "off"
nb_ipywidgets_js = {}
nb_merge_streams = True
myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "dollarmath"]
myst_heading_anchors = 3
bibtex_bibfiles = ["references.bib"]

html_theme = "sphinx_book_theme"
html_theme_options = {
    "use_download_button": True,
    "use_fullscreen_button": False,
    "home_page_in_toc": True,
    "show_navbar_depth": 1,
    "navbar_persistent": [],  # the search stands in the sidebar
    "footer_content_items": ["copyright.html"],
}
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_copy_source = False
html_context = {"default_mode": "auto"}
html_show_search_summary = False  # it asks for other pages, which a browser refuses without a server
exclude_patterns = ["_build"]


def setup(app):
    """Draw formulas with the variant of MathJax that has its letters in itself."""
    app.config.mathjax_path = "mathjax/tex-svg.js"
