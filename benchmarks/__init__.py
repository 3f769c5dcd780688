"""What the product costs, each figure beside its bare baseline in the same run."""
