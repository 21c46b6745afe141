"""The owner's pages: how the exchange looks, how it presents margin, and the record of who did what.

Every change goes through one verb that checks, writes and records it in one transaction. What is previewed travels as
signed text in the address of a frame that renders the trader's own templates.
"""
