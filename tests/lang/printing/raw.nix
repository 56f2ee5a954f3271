"no quotes\n"
