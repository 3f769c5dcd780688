"""Believable sample data: a small bakery's half-year, through the product's services."""
