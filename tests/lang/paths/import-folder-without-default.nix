import ./empty
