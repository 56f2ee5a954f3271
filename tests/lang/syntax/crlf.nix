[ "a
b" ''
  x
  y
'' ]
