"""The include server: it tells C distcc's client, in pump mode, which files a compile reads."""
