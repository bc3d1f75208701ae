"""gcc and clang command lines: parse, judge, rewrite.  Pure.

`parse.parse` turns a command line into a `Compilation`, or into a `StayLocal` with the reason; `rewrite`
derives from it the commands of the local preprocessor, of the request and of the server; `options` is
the table by which both client and server judge.
"""
