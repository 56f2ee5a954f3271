builtins.storePath /no/store/path
