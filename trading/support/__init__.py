"""What support staff see of a trader: everything the venue told us and how each number comes about; nothing to press.

The role can read only (``tenants.middleware.ReadOnlyRoleMiddleware``), and every look at a person is on record.
"""
