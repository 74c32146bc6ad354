"""README.md and docs/ are run: every fenced block, in the order of its page. How is said in blocks.py and runners.py."""
