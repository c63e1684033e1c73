"""Shopify: Admin GraphQL for calls, REST-shaped bodies in webhooks.

shopify.dev, Admin GraphQL API 2026-10; the version is pinned and checked on each
answer.
"""
