"""The catalogue of bad input, row by row, through the doors that the outside uses.

One file a group; the id of each case begins with its row in the catalogue.
"""
