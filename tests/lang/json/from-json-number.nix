builtins.fromJSON "[01]"
