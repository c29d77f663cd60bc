"""Stacks of networks: trained at once, and measured."""
