builtins.findFile [ { prefix = "x"; path = "/nowhere"; } ] "y"
