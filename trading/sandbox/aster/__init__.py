"""Aster's markets and rules; its wire protocol is not spoken yet."""
