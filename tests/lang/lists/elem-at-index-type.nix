builtins.elemAt [ ] "0"
