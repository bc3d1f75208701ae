"""gcc and clang command lines: parse, judge, rewrite.  Pure.

`parse.parse` turns a command line into a `Compilation`, or into a `StayLocal` that says why not;
`rewrite` makes the commands of the local preprocessor, of the request and of the server out of
one; `options` is the table that both sides are judged by.
"""
