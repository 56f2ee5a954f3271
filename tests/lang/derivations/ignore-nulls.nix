[ (derivation { name = "n"; system = "x"; builder = "y"; a = null; __ignoreNulls = true; }).drvPath (derivation { name = "n"; system = "x"; builder = "y"; }).drvPath ]
