builtins.typeOf (throw "typeOf looks")
