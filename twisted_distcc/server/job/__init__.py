"""One job: judged, compiled and recorded."""
