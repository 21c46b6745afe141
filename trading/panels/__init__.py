"""What the trader's pages show: frozen view models whose every number is already text, and how numbers become text.

Templates print what is here and compute nothing; builders elsewhere turn rows and margin previews into these.
"""
