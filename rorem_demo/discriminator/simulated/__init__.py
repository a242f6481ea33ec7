"""Rows whose truth is known: rendered and composited pictures, removed well and badly, labelled by rule.

Never imported by the Space; needs the packages of requirements-dev.txt.
"""
