"""Expressions: filters of traces as a person types them, read by a grammar and turned into conditions in SQL; see docs/filters.md.

`fields` says what can be asked about, `grammar` and `reading` make the tree of `syntax` from a text, `compiling` makes a condition of the
tree, and `narrowing` finds the index that names few traces to look at. Nothing here runs text as SQL, and nothing is a pattern.
"""
