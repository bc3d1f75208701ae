"""The include server, which tells C distcc's client in pump mode which files a compile reads."""
