"""The site that the browser tests visit."""
