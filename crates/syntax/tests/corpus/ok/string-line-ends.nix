[ "a
bc" "\
" ''a
  b'' ]
# end