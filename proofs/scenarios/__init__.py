"""Full-size proofs, one module each: `make prove NAME=…`; test-stack runs a slice of each."""
