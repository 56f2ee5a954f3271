builtins.traceVerbose "seen" 6
