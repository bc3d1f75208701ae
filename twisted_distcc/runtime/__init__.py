"""The seams to Twisted: processes, threads, the launcher, and sending at the transport's pace."""
