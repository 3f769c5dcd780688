"""How the product is set up, started and checked: what the Makefile's names run.

Standard library only: these run before anything is installed.
"""
