"""Tests of this cost: see tests/__init__.py."""
