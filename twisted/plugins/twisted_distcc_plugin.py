"""Tells twistd of `distccd`; nothing of the server is imported until it is asked for."""

from twisted.application.service import ServiceMaker

distccd = ServiceMaker("distccd", "twisted_distcc.tap", "A distcc compile server.", "distccd")
