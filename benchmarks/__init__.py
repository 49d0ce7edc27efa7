"""Speed and memory; each file runs by itself and prints ratios."""
