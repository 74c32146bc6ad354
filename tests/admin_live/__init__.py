"""The live admin: notices, permissions and costs in this process, everything else in Chromium on real servers."""
