"""Texts as LaTeX that every engine and every input encoding reads: ASCII only."""

from pylatexenc.latexencode import unicode_to_latex


def latex(text):
    """Return a plain text as LaTeX: its special characters escaped, other letters and signs as commands."""
    return unicode_to_latex(text, unknown_char_policy="fail")
