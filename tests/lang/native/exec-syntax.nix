builtins.exec [ "/bin/echo" "1 +" ]
