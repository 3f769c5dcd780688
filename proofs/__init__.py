"""Tools of proof: fakes, clusters and processes. Imports neither Django nor the product."""
