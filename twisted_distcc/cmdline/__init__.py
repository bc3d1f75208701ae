"""gcc and clang command lines: parse, judge, rewrite.  Pure."""
