"""Stands in for setuptools while tools/bootstrap downloads sources: see build_meta.py."""
