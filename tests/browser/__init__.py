"""sse.js in a real Chromium, against real servers."""
