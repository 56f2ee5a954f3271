"dir-default"
