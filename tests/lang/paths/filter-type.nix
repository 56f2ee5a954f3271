builtins.filterSource 1 ./folder
