builtins.fromTOML ''
  title = "x"
  a.b = 1
  f = [ 1.5, -0.0, 1e3 ]
  i = [ 0x1F, 0o17, 0b101, 1_000 ]
  s = """
  multi \
     line"""
  l = 'c:\x'
  t = { x = true, y = { z = false } }
  [table]
  k = "v"
  [[arr]]
  n = 1
  [[arr]]
  n = 2
  [table.sub]
  "quoted key" = 1
''
