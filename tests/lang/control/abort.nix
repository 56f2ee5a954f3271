abort "given up"
