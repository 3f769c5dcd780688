"""Reports: what happened in a period, from sums that were kept as it happened."""
