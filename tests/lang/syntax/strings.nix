[ "tab\there" "nl\nx" "cr\rx" "q\"q" "d\$x" "$x" "$${x}" "\${x}" "a\bc" "é" "a${"b"}c" "${"only"}" "" "multi
line" ]
