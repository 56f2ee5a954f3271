builtins.addErrorContext "while doing this" (throw "bad")
