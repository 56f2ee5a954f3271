builtins.addErrorContext (throw "unused") 1
